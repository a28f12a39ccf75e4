// The questions of an agent: each is answered by a choice, by several, or in words of one's own.
import { h } from '../dom.js';
import * as words from '../strings.js';
import { changed } from '../view.js';
import { draftOf } from './drafts.js';

/**
 * @typedef {import('../bindings.d.ts').Question} Question
 * @typedef {import('../bindings.d.ts').Picked} Picked
 */

/**
 * @param {string} id the item
 * @param {Question[]} questions
 */
export const questionParts = (id, questions) => questions.map((question, at) => {
  const isOpen = question.choices.length === 0;
  const name = `q-${id}-${at}`;
  return h('fieldset', { class: 'sec q', key: `q${at}` },
    h('legend', null, questions.length > 1 ? `${at + 1}. ${question.text}` : question.text, question.multiple && h('span', { class: 'about' }, words.need.any)),
    isOpen
      ? ownWords(id, at)
      : h('div', { class: 'group' },
        question.choices.map((choice, n) => option({
          kind: question.multiple ? 'checkbox' : 'radio', group: name, name: `q${at}-${n}`, label: choice.label, text: choice.about,
          on: draftOf(id).picks.get(at)?.has(n) ?? false, set: (on) => pick(id, at, n, on, question.multiple),
        })),
        question.free && option({
          kind: question.multiple ? 'checkbox' : 'radio', group: name, name: `q${at}-other`, label: words.need.other, text: '',
          on: draftOf(id).isOther.has(at), set: (on) => other(id, at, on, question.multiple),
        }),
        question.free && draftOf(id).isOther.has(at) && h('div', { class: 'own', key: 'own' }, ownWords(id, at))));
});

/** Words of one's own. @param {string} id @param {number} at */
const ownWords = (id, at) => h('input', {
  class: 'input', type: 'text', key: 'words', id: `own-${at}`, 'data-name': `own-${at}`, maxlength: 1000, autocomplete: 'off', 'aria-label': words.need.answerTo(at + 1), placeholder: words.need.otherField,
  value: draftOf(id).others.get(at) ?? '',
  on: { input: (/** @type {Event} */ event) => { draftOf(id).others.set(at, /** @type {HTMLInputElement} */ (event.target).value); changed(); } },
});

/** @param {{ kind: string, group: string, name: string, label: string, text: string, on: boolean, set: (on: boolean) => void }} of */
const option = ({ kind, group, name, label, text, on, set }) => h('label', { class: 'choice', key: name },
  h('input', { type: kind, name: group, checked: on, 'data-name': name, on: { change: (/** @type {Event} */ event) => set(/** @type {HTMLInputElement} */ (event.target).checked) } }),
  h('span', null, h('span', { class: 'l1' }, label), text !== '' && h('small', null, text)));

/** @param {string} id @param {number} at @param {number} n @param {boolean} on @param {boolean} multiple */
function pick(id, at, n, on, multiple) {
  const draft = draftOf(id);
  const picks = (multiple && draft.picks.get(at)) || new Set();
  if (on) picks.add(n);
  else picks.delete(n);
  draft.picks.set(at, picks);
  if (!multiple) draft.isOther.delete(at);
  changed();
}

/** @param {string} id @param {number} at @param {boolean} on @param {boolean} multiple */
function other(id, at, on, multiple) {
  const draft = draftOf(id);
  if (on) draft.isOther.add(at);
  else draft.isOther.delete(at);
  if (on && !multiple) draft.picks.delete(at);
  changed();
  if (on) document.getElementById(`own-${at}`)?.focus();
}

/**
 * What is said so far, one for each question; `null` while one has no answer.
 * @param {string} id
 * @param {Question[]} questions
 * @returns {Picked[] | null}
 */
export function pickedOf(id, questions) {
  const draft = draftOf(id);
  const all = questions.map((question, at) => {
    const own = question.choices.length === 0 || draft.isOther.has(at) ? (draft.others.get(at) ?? '').trim() : '';
    return { choices: [...(draft.picks.get(at) ?? [])].sort((a, b) => a - b), other: own === '' ? null : own, isBlank: draft.isOther.has(at) && own === '' };
  });
  if (all.some((one) => one.isBlank || (one.choices.length === 0 && one.other === null))) return null;
  return all.map(({ choices, other }) => ({ choices, other }));
}
