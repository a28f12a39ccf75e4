// The small pieces of every page: shapes, texts that shorten, sections, rows, facts, numbers.
import { h } from '../dom.js';
import { ends, elapsed, spoken } from '../format.js';

/**
 * @typedef {import('../dom.js').VNode} VNode
 * @typedef {import('../dom.js').Child} Child
 * @typedef {import('./words.js').Word} Word
 */

/**
 * @param {string} name
 * @param {string} [cls]
 */
export const icon = (name, cls = '') => h('svg', { class: `i ${cls}`.trim(), 'aria-hidden': 'true' }, h('use', { href: `#i-${name}` }));

/** @param {Word} word */
export const shape = (word) => icon(word.shape, `t-${word.tone}${word.turns ? ' spin' : ''}`);

/** @param {Word} word */
export const state = (word) => h('span', { class: `state t-${word.tone}` }, word.word);

/**
 * A text that ends in an ellipsis when it is too long, and is whole in its title.
 * @param {string} text
 * @param {{ tag?: string, cls?: string, title?: string }} [how]
 */
export const short = (text, { tag = 'span', cls = '', title = text } = {}) => h(tag, { class: `ell ${cls}`.trim(), title }, text);

/**
 * A text that keeps both its ends: folders and paths; with `tail` as much of the end as that is.
 * @param {string} text
 * @param {{ cls?: string, title?: string, tail?: string }} [how]
 */
export function middle(text, { cls = '', title = text, tail } = {}) {
  const [first, last] = tail !== undefined && text.endsWith(tail) ? [text.slice(0, -tail.length), tail] : ends(text);
  return h('span', { class: `mid ${cls}`.trim(), title }, first === '' ? null : h('span', { class: 'a' }, first), h('span', { class: 'z' }, last));
}

/** Time that runs, for eyes and for ears. @param {number} ms */
export const running = (ms) => [h('span', { class: 'eyes', 'aria-hidden': 'true' }, elapsed(ms)), h('span', { class: 'vh' }, spoken(ms))];

/**
 * A section: a label, a card, a line below.
 * @param {string} key
 * @param {{ label?: string, count?: number, side?: Child, lead?: string, foot?: string, list?: string, busy?: boolean }} head
 * @param {...Child} inside
 */
export function section(key, { label, count, side, lead, foot, list, busy }, ...inside) {
  return h('section', { class: 'sec', key, 'data-list': list, 'aria-busy': busy ? 'true' : undefined, 'aria-label': label },
    label && h('header', null,
      h('h2', null, label, count === undefined ? null : h('span', { class: 'n' }, count)),
      side),
    lead && h('p', { class: 'lead' }, lead),
    inside,
    foot && h('p', { class: 'foot' }, foot));
}

/** @param {...Child} inside */
export const card = (...inside) => h('div', { class: 'group' }, ...inside);

/**
 * One fact: a shape, a name, a value; a button when it leads somewhere.
 * @param {{ key: string, icon: string, tone: string, name: string, value: string, title?: string, on?: () => void, path?: boolean }} fact
 */
export function fact({ key, icon: shape, tone, name, value, title = value, on, path }) {
  const inside = [
    icon(shape, `t-${tone}`),
    h('span', { class: 'dt' }, name),
    path ? middle(value, { cls: 'dd', title }) : short(value, { cls: 'dd', title }),
  ];
  return on
    ? h('button', { class: 'fact go', type: 'button', key, on: { click: on } }, ...inside, icon('right', 'chev'))
    : h('div', { class: 'fact', key }, ...inside);
}

/**
 * Numbers side by side.
 * @param {{ name: string, value: Child, tone?: string, title?: string }[]} numbers
 */
export const stats = (numbers) => h('dl', { class: 'group stats', key: 'stats' }, numbers.map(({ name, value, tone, title }) =>
  h('div', { key: name }, h('dt', { title: title ?? name }, name), h('dd', { class: `v ${tone ? `t-${tone}` : ''}`.trim() }, value))));

/**
 * Rows that are still being read: grey bars, after a moment.
 * @param {string} words
 * @param {number} [rows]
 */
export const skeleton = (words, rows = 2) => h('div', { class: 'group later', role: 'status', key: 'skeleton' },
  h('span', { class: 'vh' }, words),
  Array.from({ length: rows }, () => h('div', { class: 'row', 'aria-hidden': 'true' },
    icon('ring', 't-mute'),
    h('span', null, h('span', { class: 'sk a' }), h('span', { class: 'sk b' })),
    h('span', { class: 'sk c' }))));

/**
 * Nothing here.
 * @param {string} title
 * @param {string} text
 * @param {Child} [button]
 * @param {string} [glyph]
 */
export const empty = (title, text, button, glyph = 'ready') => h('div', { class: 'empty', key: 'empty' },
  h('svg', { class: 'art', viewBox: '0 0 16 16', 'aria-hidden': 'true' }, h('use', { href: `#g-${glyph}` })),
  h('h2', null, title), h('p', null, text), button);
