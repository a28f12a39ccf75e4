// A receipt as a row, with its one quiet action.
import { h } from '../dom.js';
import { age, clock, cost, tokens } from '../format.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { go, view } from '../view.js';
import { shape, short, state } from './base.js';
import { button } from './controls.js';
import { ofDelivery, ofReceipt } from './words.js';

/**
 * @typedef {import('../bindings.d.ts').Receipt} Receipt
 * @typedef {import('../bindings.d.ts').WindowState} WindowState
 */

/** When it is sent next. @param {Receipt} receipt */
function next(receipt) {
  if (receipt.next_at === null) return null;
  const left = receipt.next_at - view.now;
  return h('span', null, left <= 0 ? words.receipts.trying : words.receipts.nextTry(receipt.tries + 1, age(left)));
}

/** @param {Receipt} receipt */
function about(receipt) {
  if (receipt.state === 'waiting') return [receipt.why !== null && short(receipt.why), next(receipt)];
  if (receipt.state === 'refused') return [receipt.why !== null && short(receipt.why)];
  return [
    receipt.tokens !== null && h('span', null, tokens(receipt.tokens)),
    receipt.cost_cents !== null && h('span', null, cost(receipt.cost_cents)),
    receipt.state === 'local' && h('span', null, words.receipts.local),
    receipt.state === 'not_taken' && h('span', null, words.receipts.notTaken),
  ];
}

/**
 * @param {Receipt} receipt
 * @param {WindowState} _now
 * @param {{ open?: boolean }} [how] does the row lead to the run?
 */
export function receiptRow(receipt, _now, { open = true } = {}) {
  const word = open ? ofReceipt(receipt) : ofDelivery(receipt);
  const name = `copy-${receipt.run_id}`;
  const inside = [
    shape(word),
    open
      ? h('span', { class: 'two-lines' }, short(receipt.title, { cls: 'l1' }), h('span', { class: 'l2' }, state(word), about(receipt)))
      : h('span', { class: 'two-lines' }, short(word.word, { cls: 'l1' }), h('span', { class: 'l2' }, about(receipt))),
    h('span', { class: 'r' }, h('span', null, receipt.ended_at === null ? null : clock(receipt.ended_at, view.now))),
  ];
  const copy = button({
    name, label: words.receipts.copy, done: words.receipts.copied, icon: 'copy', kind: 'quiet', spoken: words.receipts.copyNamed(receipt.title),
    title: words.receipts.copyLong, on: () => ipc.copyReceipt(receipt.run_id),
  });
  const text = [receipt.title, word.word, receipt.why].filter((part) => part).join('\t');
  return h('div', { class: view.doing.has(name) ? 'act is-busy' : 'act', key: receipt.run_id, arrives: true },
    open
      ? h('button', { class: 'row', type: 'button', key: 'row', 'data-row': receipt.run_id, copy: text, on: { click: () => go({ page: 'run', run_id: receipt.run_id }) } }, inside)
      : h('div', { class: 'row', key: 'row' }, inside),
    copy);
}
