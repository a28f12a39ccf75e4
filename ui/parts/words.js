// The words of states with their shapes and tones: no word without its shape.
import { sessionWords, words } from '../strings.js';

/**
 * @typedef {{ word: string, shape: string, tone: string, turns?: boolean }} Word
 * @typedef {import('../bindings.d.ts').Run} Run
 * @typedef {import('../bindings.d.ts').Receipt} Receipt
 */

/** @type {Record<string, Word>} */
const RUNS = {
  needs_you: { word: words.needs_you, shape: 'needs', tone: 'amber' },
  queued: { word: words.queued, shape: 'clock', tone: 'teal' },
  starting: { word: words.starting, shape: 'spin', tone: 'teal', turns: true },
  running: { word: words.running, shape: 'spin', tone: 'teal', turns: true },
  cancelling: { word: words.cancelling, shape: 'spin', tone: 'mute', turns: true },
  completed: { word: words.completed, shape: 'check', tone: 'teal' },
  failed: { word: words.failed, shape: 'alert', tone: 'red' },
  cancelled: { word: words.cancelled, shape: 'x', tone: 'mute' },
};

/** @type {Record<string, Word>} */
const SESSIONS = {
  active: { word: sessionWords.active, shape: 'arc', tone: 'teal' },
  waiting_input: { word: words.needs_you, shape: 'needs', tone: 'amber' },
  blocked: { word: sessionWords.blocked, shape: 'block', tone: 'red' },
  ready: { word: sessionWords.ready, shape: 'ready', tone: 'teal' },
  idle: { word: sessionWords.idle, shape: 'ring', tone: 'mute' },
  exited: { word: sessionWords.exited, shape: 'stop', tone: 'mute' },
};

/** @param {string} state */
export const ofSession = (state) => SESSIONS[state] ?? { word: state, shape: 'ring', tone: 'mute' };

/** A state that this page does not know is shown as it is called. @param {string} state */
export const ofState = (state) => RUNS[state] ?? { word: state, shape: 'ring', tone: 'mute' };

/** @param {Run} run */
export const ofRun = (run) => ofState(run.state);

/** @param {Run} run */
export const hasEnded = (run) => ['completed', 'failed', 'cancelled'].includes(run.state);

/** @param {Receipt} receipt @returns {Word} */
export function ofReceipt(receipt) {
  if (receipt.state === 'waiting') return { word: words.waiting, shape: 'clock', tone: 'mute' };
  if (receipt.state === 'refused') return { word: words.refused, shape: 'block', tone: 'red' };
  return ofState(receipt.outcome);
}

/** What became of it, without how the run ended. @param {Receipt} receipt @returns {Word} */
export function ofDelivery(receipt) {
  if (receipt.state === 'waiting' || receipt.state === 'refused') return ofReceipt(receipt);
  return { word: receipt.state === 'local' ? words.kept : words.delivered, shape: 'check', tone: 'teal' };
}
