// Something that waits for the person: a folder that a task wants to work in. No single key allows or denies.
import { h } from '../dom.js';
import { elapsed } from '../format.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { go, view } from '../view.js';
import { empty, icon, short, state } from '../parts/base.js';
import { back, button } from '../parts/controls.js';
import { failure } from '../parts/notice.js';
import { ofState } from '../parts/words.js';

/**
 * @typedef {import('../bindings.d.ts').WindowState} WindowState
 * @typedef {import('../bindings.d.ts').Need} Need
 */

/**
 * @param {WindowState} now
 * @param {string} id
 */
export function needPage(now, id) {
  const at = now.needs.findIndex((need) => need.id === id);
  const need = now.needs[at];
  const toRuns = back(words.tabs.runs, () => go({ page: 'runs' }));
  if (!need) {
    return {
      key: 'need-gone',
      inside: [failure(), h('div', { class: 'head', key: 'head' }, h('div', { class: 'top' }, toRuns)),
        empty(words.need.gone, words.need.goneText, button({ name: 'to-runs', label: words.need.toRuns, on: () => go({ page: 'runs' }) }))],
    };
  }
  return {
    key: `need-${id}`,
    inside: [
      failure(),
      h('div', { class: 'head', key: 'head' }, h('div', { class: 'top' }, toRuns, now.needs.length > 1 && pager(now.needs, at))),
      ask(need),
      need.folder !== null && h('div', { class: 'group', key: 'explain' }, h('details', { class: 'more-d' },
        h('summary', { class: 'row one' }, icon('right', 'chev'), h('span', { class: 'l1' }, words.need.explain)),
        h('div', { class: 'inside' }, h('p', null, words.setup.trust), h('p', null, words.need.once)))),
    ],
    bar: [
      button({ name: 'deny', label: words.need.deny, kind: 'danger', on: () => ipc.answer(id, false, false), then: () => after(now, id) }),
      h('span', { class: 'sp' }),
      need.folder !== null && button({ name: 'always', label: words.need.always, busy: words.need.alwaysBusy, on: () => ipc.answer(id, true, true), then: () => after(now, id) }),
      button({ name: 'allow', label: words.need.allowOnce, busy: words.need.allowOnceBusy, kind: 'primary', on: () => ipc.answer(id, true, false), then: () => after(now, id) }),
    ],
  };
}

/** After an answer: the next one, else the list. @param {WindowState} now @param {string} id */
function after(now, id) {
  const at = now.needs.findIndex((need) => need.id === id);
  const next = now.needs[at + 1] ?? now.needs.find((need) => need.id !== id);
  if (next) go({ page: 'need', id: next.id });
  else go({ page: 'runs' }, 'list');
}

/** @param {Need} need */
const ask = (need) => h('section', { class: 'group ask', key: 'ask' },
  h('div', { class: 'top' }, icon('needs', 't-amber'),
    h('div', { class: 'in' },
      h('h2', { id: 'heading', tabindex: '-1' }, need.folder === null ? words.need.heading : words.need.folderHeading),
      h('p', { class: 'l2' }, state(ofState('needs_you')), short(need.title)))),
  h('div', { class: 'body' },
    need.folder === null ? h('p', null, need.line) : h('pre', { class: 'code', tabindex: '0', 'aria-label': words.need.folder }, need.folder),
    h('dl', { class: 'kv' },
      h('dt', { key: 'run' }, words.need.run),
      h('dd', { key: 'run-value' }, h('button', { class: 'link wrap', type: 'button', on: { click: () => go({ page: 'run', run_id: need.run_id }) } }, need.title)),
      h('dt', { key: 'wait' }, words.need.waiting),
      h('dd', { key: 'wait-value' }, words.need.times(elapsed(view.now - need.since), elapsed(need.lapses_at - view.now))))));

/** @param {Need[]} needs @param {number} at */
const pager = (needs, at) => h('span', { class: 'pager', key: 'pager' },
  turn(needs[at - 1], 'left', words.need.previous), words.need.pager(at + 1, needs.length), turn(needs[at + 1], 'right', words.need.next));

/** @param {Need | undefined} need @param {string} shape @param {string} label */
const turn = (need, shape, label) => h('button', {
  class: 'btn plain icon', type: 'button', key: shape, 'aria-label': label, title: label, disabled: need === undefined,
  on: { click: () => need && go({ page: 'need', id: need.id }) },
}, icon(shape));
