// What a task, or a day of them, may use: three fields, each empty for no limit.
import { h } from '../dom.js';
import { cost, tokens } from '../format.js';
import * as words from '../strings.js';
import { act, changed, view } from '../view.js';
import { icon } from './base.js';

/** @typedef {import('../bindings.d.ts').Budget} Budget */

/** More than this is no limit that anybody counts to. */
const MOST = 1e12;
/** What is typed and not yet set, by the field's name. @type {Map<string, string>} */
const typed = new Map();

const FIELDS = /** @type {const} */ (['tokens', 'dollars', 'minutes']);
/** @typedef {typeof FIELDS[number]} Field */

/** As the fields show it. @param {Budget} budget @param {Field} field */
function shownOf(budget, field) {
  if (field === 'dollars') return budget.cents === null ? '' : (budget.cents / 100).toFixed(2).replace(/\.00$/, '');
  return budget[field] === null ? '' : String(budget[field]);
}

/**
 * What is meant, or why it cannot be.
 * @param {Field} field
 * @param {string} text
 * @returns {{ value: number | null } | { why: string }}
 */
export function amountOf(field, text) {
  const plain = text.trim().replace(/^\$\s*/, field === 'dollars' ? '' : '$').replace(/[ _,](?=\d{3}(\D|$))/g, '');
  if (plain === '') return { value: null };
  const form = field === 'tokens' ? /^(\d+(?:\.\d+)?)\s*([kKmM]?)$/ : field === 'dollars' ? /^(\d+(?:\.\d{1,2})?)()$/ : /^(\d+)()$/;
  const parts = form.exec(plain);
  const bad = { tokens: words.settings.badTokens, dollars: words.settings.badDollars, minutes: words.settings.badMinutes };
  if (!parts) return { why: bad[field] };
  const times = { k: 1e3, m: 1e6, '': field === 'dollars' ? 100 : 1 }[(parts[2] ?? '').toLowerCase()] ?? 1;
  const value = Math.round(Number(parts[1]) * times);
  if (field === 'tokens' && Math.abs(Number(parts[1]) * times - value) > 1e-6) return { why: bad.tokens };
  if (value < 1) return { why: field === 'dollars' ? words.settings.badCent : words.settings.badZero };
  return value > MOST ? { why: words.settings.badMost } : { value };
}

/** In a few words: `200k tokens · $5.00`. @param {Budget} budget */
function inWords(budget) {
  const parts = [
    budget.tokens !== null && words.settings.tokens(tokens(budget.tokens)),
    budget.cents !== null && cost(budget.cents),
    budget.minutes !== null && words.settings.min(budget.minutes),
  ].filter((part) => part);
  return parts.length === 0 ? words.settings.noLimit : parts.join(' · ');
}

/**
 * @param {{ name: string, label: string, budget: Budget, fixed?: string, set: (budget: Budget) => Promise<unknown> }} of
 */
export function budgetRow({ name, label, budget, fixed, set }) {
  const said = inWords(budget);
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    const read = FIELDS.map((field) => ({ field, is: amountOf(field, typed.get(`${name}-${field}`) ?? shownOf(budget, field)) }));
    for (const { field, is } of read) {
      if ('why' in is) view.wrong.set(`${name}-${field}`, is.why);
      else view.wrong.delete(`${name}-${field}`);
    }
    const wrong = read.find(({ is }) => 'why' in is);
    if (wrong && 'why' in wrong.is) {
      view.said = wrong.is.why;
      changed();
      document.getElementById(`${name}-${wrong.field}`)?.focus();
      return;
    }
    const [inTokens, cents, minutes] = read.map(({ is }) => ('value' in is ? is.value : null));
    const then = () => { for (const field of FIELDS) typed.delete(`${name}-${field}`); changed(); };
    act(`${name}-send`, () => set({ tokens: inTokens ?? null, cents: cents ?? null, minutes: minutes ?? null }), { done: words.settings.budgetSaved, then });
  };
  return h('details', { class: 'more-d', key: name },
    h('summary', { class: 'row one' }, icon('right', 'chev'), h('span', { class: 'l1' }, label), h('span', { class: 'r said' }, fixed ?? said)),
    h('form', { class: 'field budget', novalidate: true, on: { submit } },
      h('div', { class: 'three' }, FIELDS.map((field) => input(name, field, budget, fixed))),
      h('div', { class: 'end' }, h('span', { class: 'hint' }, words.settings.budgetHint),
        h('button', { class: 'btn', type: 'submit', 'data-name': `${name}-send`, disabled: fixed !== undefined }, words.settings.budgetSave))));
}

/** @param {string} name @param {Field} field @param {Budget} budget @param {string | undefined} fixed */
function input(name, field, budget, fixed) {
  const id = `${name}-${field}`;
  const wrong = view.wrong.get(id);
  return h('div', { class: 'one-of', key: field },
    h('label', { for: id }, words.settings.budget[field]),
    h('input', {
      class: 'input', id, type: 'text', inputmode: field === 'dollars' ? 'decimal' : 'numeric', autocomplete: 'off', maxlength: 20, disabled: fixed !== undefined,
      value: typed.get(id) ?? shownOf(budget, field), 'aria-invalid': wrong ? 'true' : undefined, 'aria-describedby': wrong ? `${id}-err` : undefined,
      on: { input: (/** @type {Event} */ event) => { typed.set(id, /** @type {HTMLInputElement} */ (event.target).value); view.wrong.delete(id); changed(); } },
    }),
    wrong && h('p', { class: 'err', id: `${id}-err`, key: 'err', role: 'alert' }, wrong));
}
