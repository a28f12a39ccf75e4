// The local trail: whether it is written, where it is, and what a line of it holds.
import { h } from '../dom.js';
import { age, size, tilde } from '../format.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { view } from '../view.js';
import { card, icon, middle, section, short, stats } from '../parts/base.js';
import { button, toggle } from '../parts/controls.js';
import { failure, trouble } from '../parts/notice.js';

/** @typedef {import('../bindings.d.ts').WindowState} WindowState */

/** @param {WindowState} now */
export function outboxPage(now) {
  const { outbox, settings, home } = now;
  const isFixed = settings.fixed.includes('outbox');
  return {
    key: 'outbox',
    inside: [
      failure(),
      outbox.trouble !== null && trouble('trouble', words.outbox.trouble, outbox.trouble),
      settings.outbox === null ? null : card(toggle({
        name: 'outbox', label: words.outbox.keep, text: outbox.on ? words.outbox.keepText : words.outbox.offText, on: settings.outbox, fixed: isFixed ? words.settings.fixed : undefined,
        set: (on) => ipc.set({ setting: 'outbox', value: on }),
      })),
      outbox.on && outbox.last_at === null && outbox.bytes === 0 ? quiet(words.outbox.empty, words.outbox.emptyText) : null,
      outbox.last_at === null && outbox.bytes === 0 ? null : stats([
        { name: words.outbox.lines, value: outbox.today, title: words.outbox.linesToday },
        { name: words.outbox.size, value: size(outbox.bytes) },
        { name: words.outbox.last, value: outbox.last_at === null ? words.unknown : words.outbox.ago(age(view.now - outbox.last_at)) },
        { name: words.outbox.kind, value: outbox.last_kind === null ? words.unknown : short(outbox.last_kind.replace(/^task[._]/, ''), { title: outbox.last_kind }) },
      ]),
      outbox.path === '' ? null : section('where', { label: words.outbox.where },
        card(h('div', { class: 'row one' }, icon('folder'),
          h('span', { class: 'l1' }, middle(tilde(outbox.path, home), { title: outbox.path })),
          button({ name: 'show-outbox', label: words.outbox.show, spoken: words.outbox.showNamed, on: () => ipc.showOutbox() })))),
      section('holds', { label: words.outbox.holds },
        h('div', { class: 'group two', key: 'two' },
          list(words.outbox.only, words.outbox.onlyList, 'tick', 't-teal'),
          list(words.outbox.never, words.outbox.neverList, 'x', 't-mute'))),
    ],
  };
}

/** @param {string} title @param {string} text */
const quiet = (title, text) => h('div', { class: 'notice', key: 'empty' }, icon('tray', 't-mute'), h('div', { class: 'in' }, h('h2', null, title), h('p', null, text)));

/** @param {string} heading @param {string[]} lines @param {string} shape @param {string} tone */
const list = (heading, lines, shape, tone) => h('div', { key: heading }, h('h3', null, heading), h('ul', null, lines.map((line) => h('li', { key: line }, icon(shape, tone), h('span', null, line)))));
