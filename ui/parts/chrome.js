// What stands around the page: the header, the tabs, the strips.
import { h } from '../dom.js';
import { age, base, lasting } from '../format.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { go, openTest, view } from '../view.js';
import { icon, middle, short } from './base.js';
import { button } from './controls.js';

/**
 * @typedef {import('../bindings.d.ts').WindowState} WindowState
 * @typedef {import('../bindings.d.ts').Page} Page
 * @typedef {import('../dom.js').VNode} VNode
 */

/** The longest folder at the end of a strip that is not shortened, in characters. */
const PLACE = 20;

/** The tabs in order, with their shapes. */
export const TABS = /** @type {const} */ ([
  ['health', 'heart'], ['runs', 'list'], ['receipts', 'receipt'], ['sessions', 'stack'], ['outbox', 'tray'], ['settings', 'sliders'],
]);

/** Which tab a page belongs to. @param {Page} page */
export function tabOf(page) {
  if (page.page === 'run' || page.page === 'need') return 'runs';
  return page.page === 'rules' ? 'health' : page.page;
}

/** The header's title, with the time it counts down. @param {WindowState} now */
export function titleOf({ header }) {
  const title = header.title === '' ? words.app.starting : header.title;
  if (header.until === null) return title.replace('{t}', words.header.soon);
  return title.replace('{t}', age(Math.max(0, header.until - view.now)));
}

/** @param {WindowState} now */
export function header(now) {
  const { header } = now;
  const title = titleOf(now);
  const online = header.online_since === null ? null : words.header.online(lasting(view.now - header.online_since));
  const facts = [online, ...header.facts].filter((fact) => fact !== null);
  const all = header.workspace === null ? facts : [...facts, header.workspace];
  return [
    h('svg', { class: header.glyph === 'connecting' ? 'glyph is-off' : 'glyph', viewBox: '0 0 16 16', 'aria-hidden': 'true', key: 'glyph' },
      h('use', { href: `#g-${header.glyph}` }), header.overlay && h('use', { href: `#o-${header.overlay}`, key: 'overlay' })),
    h('div', { key: 'words' },
      short(title, { tag: 'h1' }),
      h('p', { class: 'l2', title: all.join(' · ') },
        facts.map((fact, at) => (at === 0 ? short(fact) : h('span', null, fact))),
        header.workspace !== null && short(header.workspace, { cls: 'last' }))),
    act(now),
  ];
}

/** @param {WindowState} now */
function act({ header: { act } }) {
  if (act === null) return null;
  const [shape, on] = /** @type {const} */ ({
    pause: ['pause', () => ipc.pause(false)], resume: ['play', () => ipc.resume()], try_now: ['refresh', () => ipc.tryNow()],
  })[act];
  return button({ name: `header-${act}`, label: words.header.act[act], busy: act === 'try_now' ? words.header.busy : undefined, icon: shape, on });
}

/** @param {WindowState} now */
export const tabs = (now) => TABS.map(([page, shape]) => h('button', {
  class: page === 'settings' ? 'tab gear' : 'tab', type: 'button', key: page, 'data-tab': page,
  'aria-current': !view.test && tabOf(view.page) === page && now.screen !== 'loading' ? 'page' : undefined,
  'aria-label': page === 'settings' ? words.tabs.settings : undefined, title: page === 'settings' ? words.tabs.settings : undefined,
  on: { click: () => go({ page }) },
}, icon(shape), h('span', { class: 'lbl' }, words.tabs[page])));

/** The folder at the end of a line stays whole, unless it is long. @param {import('../bindings.d.ts').Need} need */
function placeOf({ folder, what }) {
  const place = folder === null || what.ask === 'folder' ? '' : ` in ${base(folder)}`;
  return place !== '' && place.length <= PLACE ? place : undefined;
}

/** @param {WindowState} now */
export function strips(now) {
  const isOpen = view.page.page === 'need' && !view.test;
  const rest = isOpen ? [] : now.needs;
  const [oldest] = rest;
  return [
    now.sandbox && h('div', { class: 'strip plain', key: 'sandbox' }, icon('comp', 't-mute'), short(words.strips.sandbox),
      h('button', { class: 'link', type: 'button', on: { click: () => { ipc.doAction('sign_in').catch(() => {}); } } }, words.strips.signIn)),
    now.attached && h('div', { class: 'strip plain', key: 'attached' }, icon('link', 't-mute'), short(words.strips.attached)),
    now.test && !view.test && h('button', { class: 'strip plain', type: 'button', key: 'test', on: { click: () => openTest(true) } },
      icon(now.test.over ? 'check' : 'spin', now.test.over ? 't-teal' : 't-mute spin'), short(words.strips.test(now.test.over)), h('span', { class: 'go' }, words.strips.show)),
    oldest && h('button', { class: 'strip', type: 'button', key: 'needs', title: oldest.line, on: { click: () => go({ page: 'need', id: oldest.id }) } },
      icon('needs', 't-amber'),
      h('span', { class: 'says' }, h('b', null, words.strips.needsYou), ' ', middle(oldest.line, { tail: placeOf(oldest) }),
        rest.length > 1 && h('span', { class: 'and' }, words.strips.more(rest.length - 1))),
      h('span', { class: 'go' }, words.strips.review)),
  ];
}
