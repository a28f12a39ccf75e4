// One run: how far it is, its steps with their deviations, and its receipt.
import { h } from '../dom.js';
import { clock, cost, tilde, tokens } from '../format.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { askUndo, go, view } from '../view.js';
import { card, empty, icon, middle, running, section, skeleton, state, stats } from '../parts/base.js';
import { back, button } from '../parts/controls.js';
import { failure, trouble } from '../parts/notice.js';
import { receiptRow } from '../parts/receipt.js';
import { timeline, took } from '../parts/run.js';
import { hasEnded, ofRun } from '../parts/words.js';

/**
 * @typedef {import('../bindings.d.ts').WindowState} WindowState
 * @typedef {import('../bindings.d.ts').Run} Run
 * @typedef {import('../bindings.d.ts').RunPage} RunPage
 */

/** How much of a run's id is shown; the whole is in its title. */
const ID = 12;

/**
 * @param {WindowState} now
 * @param {string} runId
 */
export function runPage(now, runId) {
  const page = now.run?.run.run_id === runId ? now.run : null;
  const known = page?.run ?? [...now.runs.now, ...now.runs.earlier].find((run) => run.run_id === runId);
  return {
    key: `run-${runId}`,
    inside: [failure(), head(now, runId, known), ...body(now, page, known)],
    bar: known && bar(known, page),
  };
}

/** @param {WindowState} now @param {string} runId @param {Run | undefined} run */
const head = (now, runId, run) => h('div', { class: 'head', key: 'head' },
  h('div', { class: 'top' }, back(words.tabs.runs, () => go({ page: 'runs' })), h('span', { class: 'pager mono', title: words.run.id(runId) }, runId.slice(0, ID))),
  run && h('h2', { id: 'heading', tabindex: '-1' }, run.title),
  run && h('p', { class: 'l2' }, state(ofRun(run)),
    run.folder !== null && middle(tilde(run.folder, now.home)),
    run.driver !== null && h('span', null, run.driver),
    hasEnded(run) && run.ended_at !== null && h('span', null, clock(run.ended_at, view.now))));

/** @param {WindowState} now @param {RunPage | null} page @param {Run | undefined} run */
function body(now, page, run) {
  if (page?.error) return [trouble('error', words.run.error, page.error)];
  if (!run) return now.runs.loading || page?.loading || !now.run ? [skeleton(words.runs.loading, 2)] : [empty(words.run.gone, words.run.goneText)];
  const isReading = page === null || page.loading;
  return [
    ended(run),
    numbers(run),
    isReading && (page?.line.length ?? 0) === 0
      ? section('steps', { label: words.run.steps, busy: true }, skeleton(words.runs.loading, 2))
      : page && (page.line.length > 0 || !hasEnded(run)) && section('steps', { label: words.run.steps, count: run.steps, side: page.line.length > 0 && h('span', { class: 'side' }, words.run.fromStart) },
        run.state === 'queued' ? card(h('div', { class: 'row one' }, icon('clock', 't-teal'), h('span', { class: 'l1 soft' }, words.run.queued))) : timeline(page, { needs: now.needs.filter((need) => need.run_id === run.run_id) })),
    run.folder !== null && folder(now, page, run.folder),
    page?.receipt && section('receipt', { label: words.run.receipt }, card(receiptRow(page.receipt, now, { open: false }))),
  ];
}

/** Why it did not complete. @param {Run} run */
function ended(run) {
  if (!hasEnded(run) || run.state === 'completed' || run.reason === null) return null;
  const isBad = run.state === 'failed';
  return h('div', { class: isBad ? 'notice bad' : 'notice', key: 'ended' },
    h('svg', { class: `i ${isBad ? 't-red' : 't-mute'}`, 'aria-hidden': 'true' }, h('use', { href: isBad ? '#i-alert' : '#i-x' })),
    h('div', { class: 'in' }, h('h2', null, run.reason), !run.local && h('p', null, isBad ? words.run.failedTold : words.run.cancelledTold)));
}

/** @param {Run} run */
function numbers(run) {
  const ms = took(run);
  return stats([
    { name: hasEnded(run) ? words.run.took : run.state === 'queued' ? words.run.waits : words.run.elapsed, value: ms === null ? words.unknown : running(ms) },
    { name: words.run.tokens, value: run.tokens === null ? words.unknown : tokens(run.tokens) },
    { name: words.run.cost, value: cost(run.cost_cents) },
    { name: words.run.deviations, value: run.deviations, tone: run.deviations > 0 ? 'iris' : undefined },
  ]);
}

/** Where it worked, and what that looked like before. @param {WindowState} now @param {RunPage | null} page @param {string} path */
function folder(now, page, path) {
  const before = page?.before ?? null;
  const said = before === null ? null : before.changes === null ? words.run.commit(before.commit)
    : before.changes === 0 ? words.run.clean(before.commit) : words.run.dirty(before.commit, before.changes);
  return section('folder', { label: words.run.folder, foot: page?.undone ? words.run.undoneNow : undefined }, card(h('div', { class: 'row place' }, icon('folder'),
    h('span', { class: 'two-lines' }, h('span', { class: 'l1' }, middle(tilde(path, now.home))), said && h('small', null, said)),
    button({ name: 'open-folder', label: words.run.openFolder, spoken: words.run.openFolderNamed, on: () => ipc.openFolder(path) }))));
}

/** @param {Run} run @param {RunPage | null} page */
function bar(run, page) {
  const id = run.run_id;
  const inside = [
    page?.can_open && button({ name: 'open-run', label: words.run.open, icon: 'out', title: words.run.openTitle, on: () => ipc.openRun(id, true) }),
    page?.can_open && button({ name: 'copy-run', label: '', icon: 'copy', kind: 'icon', done: words.run.copied, spoken: words.run.copy, title: words.run.copy, on: () => ipc.openRun(id, false) }),
    h('span', { class: 'sp', key: 'space' }),
    !hasEnded(run) && button({ name: `cancel-${id}`, label: words.run.cancel, busy: words.run.cancelBusy, kind: 'danger', disabled: run.state === 'cancelling', on: () => ipc.cancelRun(id) }),
    hasEnded(run) && page?.can_undo && button({
      name: 'undo', label: page.undone ? words.run.redo : words.run.undo, kind: page.undone ? '' : 'danger', on: () => askUndo({ runId: id, undone: !page.undone }),
    }),
  ];
  return hasEnded(run) && !page?.can_open && !page?.can_undo ? undefined : inside;
}
