// Receipts: those that OrgX does not have yet and why, those that it will not take, those that it has.
import * as ipc from '../ipc.js';
import { hold } from '../hold.js';
import * as words from '../strings.js';
import { card, empty, section, skeleton } from '../parts/base.js';
import { link } from '../parts/controls.js';
import { failure } from '../parts/notice.js';
import { receiptRow } from '../parts/receipt.js';

/**
 * @typedef {import('../bindings.d.ts').WindowState} WindowState
 * @typedef {import('../bindings.d.ts').Receipt} Receipt
 */

/** @param {WindowState} now */
export function receiptsPage(now) {
  const { receipts } = now;
  if (receipts.length === 0) {
    const inside = now.screen === 'loading' || now.runs.loading ? section('delivered', { label: words.receipts.delivered, busy: true }, skeleton(words.receipts.loading, 3)) : empty(words.receipts.empty, words.receipts.emptyText);
    return { key: 'receipts', inside: [failure(), inside] };
  }
  const waiting = receipts.filter((receipt) => receipt.state === 'waiting');
  const refused = receipts.filter((receipt) => receipt.state === 'refused');
  const others = receipts.filter((receipt) => receipt.state !== 'waiting' && receipt.state !== 'refused');
  const tryNow = now.header.glyph !== 'signed-out' && link({ name: 'receipts-try', label: words.receipts.tryNow, busy: words.receipts.tryNowBusy, kind: 'side', on: () => ipc.tryNow() });
  return {
    key: 'receipts',
    inside: [
      failure(),
      list(now, 'waiting', words.receipts.waiting, waiting, Math.max(waiting.length, now.health.receipts_waiting), words.receipts.kept, tryNow),
      list(now, 'refused', words.receipts.refused, refused, refused.length, words.receipts.refusedText),
      list(now, 'delivered', words.receipts.delivered, others, Math.max(others.length, now.health.receipts_delivered)),
    ],
  };
}

/**
 * @param {WindowState} now
 * @param {string} part
 * @param {string} label
 * @param {Receipt[]} receipts
 * @param {number} count
 * @param {string} [foot]
 * @param {import('../dom.js').Child} [side]
 */
function list(now, part, label, receipts, count, foot, side) {
  const rows = hold('receipts', part, receipts, (receipt) => receipt.run_id, now.receipts);
  if (rows.length === 0) return null;
  return section(part, { label, count, list: 'receipts', foot, side }, card(rows.map((receipt) => receiptRow(receipt, now))));
}
