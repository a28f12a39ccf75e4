// What is pressed, switched and typed into.
import { h } from '../dom.js';
import { act, choose, view } from '../view.js';
import { icon } from './base.js';

/**
 * @typedef {import('../dom.js').Child} Child
 * @typedef {{
 *   name: string, label: string, on: () => Promise<unknown> | void,
 *   busy?: string, done?: string, kind?: string, icon?: string, spoken?: string, title?: string, disabled?: boolean,
 *   then?: () => void, described?: string,
 * }} Button
 */

/**
 * A button. Its word changes while it is busy, and its shape becomes a tick when it is done; its width stays, because
 * both words are there from the start and only one is seen.
 * @param {Button} button
 */
export function button({ name, label, on, busy, done, kind = '', icon: shape, spoken, title, disabled, then, described }) {
  const doing = view.doing.get(name)?.phase;
  const word = (doing === 'busy' && busy) || label;
  const press = () => act(name, async () => on(), { done, then });
  return h('button', {
    class: `btn ${kind}`.trim(), type: 'button', key: name, title, disabled,
    'aria-label': spoken, 'aria-disabled': doing === 'waiting' || doing === 'busy' ? 'true' : undefined,
    'aria-describedby': described, 'data-name': name,
    on: { click: press },
  },
  shape ? icon(doing === 'done' ? 'tick' : shape) : null,
  label === '' ? null : h('span', { class: 'words' }, [...new Set([label, busy])].filter((text) => text).map((text, at) =>
    h('span', { key: String(at), class: text === word ? 'on' : 'off', 'aria-hidden': text === word ? undefined : 'true' }, text))));
}

/** A button that looks like a link. @param {Button} link */
export function link({ name, label, on, busy, done, spoken, kind = '' }) {
  const doing = view.doing.get(name)?.phase;
  const word = (doing === 'busy' && busy) || (doing === 'done' && done) || label;
  const press = () => act(name, async () => on(), { done });
  return h('button', { class: `link ${kind}`.trim(), type: 'button', key: name, 'aria-label': spoken, 'data-name': name, on: { click: press } }, word);
}

/** The way back. @param {string} label @param {() => void} on */
export const back = (label, on) => h('button', { class: 'back', type: 'button', key: 'back', on: { click: on } }, icon('left'), label);

/**
 * A switch in its row.
 * @param {{ name: string, label: string, text?: string, on: boolean, set: (on: boolean) => Promise<unknown>, fixed?: string }} of
 */
export function toggle({ name, label, text, on, set, fixed }) {
  const wanted = view.wanted.get(name)?.value;
  const isOn = typeof wanted === 'boolean' ? wanted : on;
  const small = fixed ?? text;
  return h('label', { class: 'set', key: name },
    h('span', null, h('span', { class: 'l1' }, label), small && h('small', { id: `about-${name}` }, small)),
    h('input', {
      class: 'switch', type: 'checkbox', role: 'switch', checked: isOn, disabled: fixed !== undefined, 'data-name': name,
      'aria-label': label, 'aria-describedby': small ? `about-${name}` : undefined,
      on: { change: (/** @type {Event} */ event) => choose(name, (/** @type {HTMLInputElement} */ (event.target)).checked, () => set((/** @type {HTMLInputElement} */ (event.target)).checked)) },
    }));
}

/**
 * One of several, or yes or no.
 * @param {{ kind: 'radio' | 'checkbox', group: string, name: string, label: string, text?: string, on: boolean, set: (on: boolean) => Promise<unknown> }} of
 */
export function choice({ kind, group, name, label, text, on, set }) {
  const wanted = view.wanted.get(name)?.value;
  const isOn = typeof wanted === 'boolean' ? wanted : on;
  return h('label', { class: 'choice', key: name },
    h('input', {
      type: kind, name: group, checked: isOn, 'data-name': name,
      on: { change: (/** @type {Event} */ event) => choose(name, (/** @type {HTMLInputElement} */ (event.target)).checked, () => set((/** @type {HTMLInputElement} */ (event.target)).checked)) },
    }),
    h('span', null, h('span', { class: 'l1' }, label), text && h('small', null, text)));
}

/**
 * A field with its button. What is typed stays in the field, and nowhere else, until it is sent.
 * @param {{
 *   name: string, label: string, hint?: string, error?: string | null, send: (text: string) => Promise<unknown>, check: (text: string) => string | null,
 *   label2: string, busy: string, placeholder?: string, kind?: 'text' | 'password', primary?: boolean, wide?: boolean, now?: boolean,
 * }} of `now`: it is emptied before it is sent, and not when that went well
 */
export function field({ name, label, hint, error, send, check, label2, busy, placeholder, kind = 'text', primary, wide, now }) {
  const wrong = view.wrong.get(name) ?? error;
  const about = [wrong && `${name}-err`, hint && `${name}-hint`].filter((id) => id).join(' ');
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    const input = /** @type {HTMLInputElement} */ (document.getElementById(name));
    const text = input.value.trim();
    const why = check(text);
    if (now) input.value = '';
    if (why === null) view.wrong.delete(name);
    else view.wrong.set(name, why);
    if (why !== null) {
      view.said = why;
      act(`${name}-check`, async () => {});
      input.focus();
      return;
    }
    act(`${name}-send`, () => send(text), { then: () => { if (!now) input.value = ''; } });
  };
  return h('form', { class: wide ? 'field' : 'field in', key: name, novalidate: true, on: { submit, input: () => { if (view.wrong.delete(name)) act(`${name}-check`, async () => {}); } } },
    h('label', { for: name }, label),
    h('div', { class: wide ? 'stacked' : 'beside' },
      h('input', {
        class: 'input mono', id: name, type: kind, autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', placeholder,
        'aria-invalid': wrong ? 'true' : undefined, 'aria-describedby': about || undefined,
      }),
      wide ? null : submitButton(name, label2, busy, primary, wide)),
    wrong && h('p', { class: 'err', id: `${name}-err`, key: 'err', role: 'alert' }, icon('alert'), h('span', null, wrong)),
    hint && h('p', { class: 'hint', id: `${name}-hint`, key: 'hint' }, hint),
    wide ? submitButton(name, label2, busy, primary, wide) : null);
}

/**
 * @param {string} name
 * @param {string} label
 * @param {string} busy
 * @param {boolean | undefined} primary
 * @param {boolean | undefined} wide
 */
function submitButton(name, label, busy, primary, wide) {
  const isBusy = view.doing.get(`${name}-send`)?.phase === 'busy';
  return h('button', { class: `btn ${primary ? 'primary' : ''} ${wide ? 'wide' : ''}`.replace(/ +/g, ' ').trim(), type: 'submit', key: 'send', 'data-name': `${name}-send` },
    h('span', { class: 'words' },
      h('span', { key: '0', class: isBusy ? 'off' : 'on', 'aria-hidden': isBusy ? 'true' : undefined }, label),
      h('span', { key: '1', class: isBusy ? 'on' : 'off', 'aria-hidden': isBusy ? undefined : 'true' }, busy)));
}
