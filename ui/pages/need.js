// Something that waits for the person. No single key allows or denies; an item that was answered elsewhere says so.
import { h } from '../dom.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { go, view } from '../view.js';
import { askCard, askFacts, explain, reason } from '../parts/asks.js';
import { empty, icon } from '../parts/base.js';
import { back, button } from '../parts/controls.js';
import { draftOf, keepDrafts } from '../parts/drafts.js';
import { failure } from '../parts/notice.js';
import { pickedOf, questionParts } from '../parts/questions.js';

/**
 * @typedef {import('../bindings.d.ts').WindowState} WindowState
 * @typedef {import('../bindings.d.ts').Need} Need
 * @typedef {import('../bindings.d.ts').Say} Say
 */

/** The buttons that answer. */
const ANSWERS = ['deny', 'always', 'allow', 'run', 'send'];
/** The item that is shown: it stays while its answer is under way, though the state has it no more. @type {Need | undefined} */
let shown;

/**
 * @param {WindowState} now
 * @param {string} id
 */
export function needPage(now, id) {
  const at = now.needs.findIndex((need) => need.id === id);
  const isAnswering = ANSWERS.some((name) => view.doing.has(name));
  const need = now.needs[at] ?? (isAnswering && shown?.id === id ? shown : undefined);
  shown = need;
  keepDrafts([...(need ? [id] : []), ...now.needs.map((need) => need.id)]);
  const toRuns = back(words.tabs.runs, () => go({ page: 'runs' }));
  if (!need) return gone(now, toRuns);
  return {
    key: `need-${id}`,
    inside: [
      failure(),
      h('div', { class: 'head', key: 'head' }, h('div', { class: 'top' }, toRuns, at >= 0 && now.needs.length > 1 && pager(now.needs, at))),
      askCard(need, now.home),
      need.what.ask === 'questions' && questionParts(id, need.what.questions),
      askFacts(need, now.home),
      explain(need),
      reason(need),
    ],
    bar: bar(now, need),
  };
}

/** @param {WindowState} now @param {import('../dom.js').VNode} toRuns */
function gone(now, toRuns) {
  const next = now.needs[0];
  return {
    key: 'need-gone',
    inside: [failure(), h('div', { class: 'head', key: 'head' }, h('div', { class: 'top' }, toRuns)),
      h('div', { role: 'status', key: 'gone' }, empty(words.need.gone, words.need.goneText,
        next ? button({ name: 'to-next', label: words.need.toNext, on: () => go({ page: 'need', id: next.id }) })
          : button({ name: 'to-runs', label: words.need.toRuns, on: () => go({ page: 'runs' }) })))],
  };
}

/** @param {WindowState} now @param {Need} need */
function bar(now, { id, what }) {
  /** @param {Say} say */
  const says = (say) => ({ on: () => ipc.answer(id, say), then: () => after(now, id) });
  /** @param {string} label @param {string} busy */
  const deny = (label, busy) => button({
    name: 'deny', label, busy, kind: what.ask === 'questions' ? '' : 'danger',
    on: () => ipc.answer(id, { say: 'deny', reason: draftOf(id).reason.trim() || null }), then: () => after(now, id),
  });
  /** @param {string} label @param {string} busy */
  const allow = (label, busy) => button({ name: 'allow', label, busy, kind: 'primary', ...says({ say: 'allow' }) });
  const space = h('span', { class: 'sp' });
  switch (what.ask) {
    case 'folder': return [deny(words.need.deny, words.need.denyBusy), space,
      button({ name: 'always', label: words.need.always, busy: words.need.alwaysBusy, ...says({ say: 'allow_folder' }) }),
      allow(words.need.allowOnce, words.need.allowOnceBusy)];
    case 'permission': return [deny(words.need.deny, words.need.denyBusy), space,
      button({ name: 'run', label: words.need.allowRun, busy: words.need.allowRunBusy, ...says({ say: 'allow_for_run' }) }),
      allow(words.need.allowOnce, words.need.allowOnceBusy)];
    case 'questions': {
      const answers = pickedOf(id, what.questions);
      return [deny(words.need.notAnswer, words.need.denyBusy), space,
        button({ name: 'send', label: words.need.send, busy: words.need.sendBusy, kind: 'primary', disabled: answers === null, ...says({ say: 'answers', answers: answers ?? [] }) })];
    }
    case 'dirty': return [deny(words.need.notStart, words.need.denyBusy), space, allow(words.need.start, words.need.startBusy)];
    case 'budget': return [deny(words.need.stop, words.need.stopBusy), space, allow(words.need.goOn, words.need.goOnBusy)];
    case 'unknown': return [deny(words.need.deny, words.need.denyBusy)];
  }
}

/** After an answer: the next one, else the list. @param {WindowState} now @param {string} id */
function after(now, id) {
  // Who has gone elsewhere meanwhile stays there.
  if (view.page.page !== 'need' || view.page.id !== id) return;
  const at = now.needs.findIndex((need) => need.id === id);
  const next = now.needs[at + 1] ?? now.needs.find((need) => need.id !== id);
  if (next) go({ page: 'need', id: next.id });
  else go({ page: 'runs' }, 'list');
}

/** @param {Need[]} needs @param {number} at */
const pager = (needs, at) => h('span', { class: 'pager', key: 'pager' },
  turn(needs[at - 1], 'left', words.need.previous), words.need.pager(at + 1, needs.length), turn(needs[at + 1], 'right', words.need.next));

/** @param {Need | undefined} need @param {string} shape @param {string} label */
const turn = (need, shape, label) => h('button', {
  class: 'btn plain icon', type: 'button', key: shape, 'aria-label': label, title: label, disabled: need === undefined,
  on: { click: () => need && go({ page: 'need', id: need.id }) },
}, icon(shape));
