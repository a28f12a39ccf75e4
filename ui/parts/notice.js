// What happened, what it means, one thing to do.
import { h } from '../dom.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { forgetFailure, view } from '../view.js';
import { icon } from './base.js';
import { button, link } from './controls.js';

/**
 * @typedef {import('../bindings.d.ts').Notice} Notice
 * @typedef {import('../dom.js').Child} Child
 */

/** The shapes of notices by their code's beginning; a bad one has the triangle. */
const SHAPES = /** @type {[RegExp, string][]} */ ([
  [/lapsed|expired/, 'glass'],
  [/signed_out|offline|unreachable|network|cancel/, 'off'],
  [/reconnecting|wait/, 'clock'],
  [/paused/, 'pause'],
]);

/** @param {Notice} notice */
const shapeOf = (notice) => (notice.bad ? 'alert' : SHAPES.find(([code]) => code.test(notice.code))?.[1] ?? 'info');

/**
 * The state's notice, with what follows from it folded below.
 * @param {Notice} notice
 * @param {string[]} [also]
 * @param {Child} [buttons] in the place of its own
 */
export function notice(notice, also = [], buttons) {
  const { action, other } = notice;
  return h('div', { class: notice.bad ? 'notice bad' : 'notice', key: `notice-${notice.code}`, role: notice.bad ? 'alert' : undefined },
    icon(shapeOf(notice), notice.bad ? 't-red' : 't-mute'),
    h('div', { class: 'in' },
      h('h2', null, notice.title), h('p', null, notice.text),
      buttons ?? ((action || other) && h('div', { class: 'do' },
        action && button({ name: `do-${action.action}`, label: action.label, kind: 'primary', on: () => ipc.doAction(action.action) }),
        other && link({ name: `do-${other.action}`, label: other.label, on: () => ipc.doAction(other.action) }))),
      also.length > 0 && h('details', { class: 'also', key: 'also' },
        h('summary', null, icon('right', 'chev'), words.health.others(also.length)),
        h('ul', null, also.map((text) => h('li', null, text))))));
}

/**
 * A plain trouble without a button.
 * @param {string} key
 * @param {string} title
 * @param {string} text
 */
export const trouble = (key, title, text) => h('div', { class: 'notice bad', key, role: 'alert' },
  icon('alert', 't-red'), h('div', { class: 'in' }, h('h2', null, title), h('p', null, text)));

/** What the last press of a button came to, when it came to nothing. */
export function failure() {
  if (!view.failure) return null;
  return h('div', { class: 'notice bad', key: 'failure', role: 'alert' },
    icon('alert', 't-red'),
    h('div', { class: 'in' }, h('h2', null, view.failure.title), h('p', null, view.failure.text),
      h('div', { class: 'do' }, button({ name: 'failure-hide', label: words.app.hide, on: forgetFailure }))));
}
