// What an item that waits for the person says: its heading, what exactly is asked, and the facts around it.
import { h } from '../dom.js';
import { cost, elapsed, tilde, tokens } from '../format.js';
import * as words from '../strings.js';
import { go, view } from '../view.js';
import { icon, middle, short, state } from './base.js';
import { draftOf } from './drafts.js';
import { ofState } from './words.js';

/**
 * @typedef {import('../bindings.d.ts').Need} Need
 * @typedef {import('../bindings.d.ts').NeedWhat} NeedWhat
 * @typedef {import('../dom.js').Child} Child
 */

/** @param {Need} need */
function heading({ what, agent }) {
  if (what.ask === 'folder') return words.need.folderHeading;
  if (what.ask === 'dirty') return words.need.dirtyHeading;
  if (what.ask === 'questions') return words.need.questions(agent, what.questions.length);
  if (what.ask === 'budget') return words.need.budgetHeading;
  if (what.ask === 'permission') return words.need.permissions[what.kind] ?? words.need.permission;
  return words.need.heading;
}

/** The card: what is asked. @param {Need} need @param {string} home */
export const askCard = (need, home) => h('section', { class: 'group ask', key: 'ask' },
  h('div', { class: 'top' }, icon('needs', 't-amber'),
    h('div', { class: 'in' },
      h('h2', { id: 'heading', tabindex: '-1' }, heading(need)),
      h('p', { class: 'l2' }, state(ofState('needs_you')), short(need.title)))),
  // Questions stand below in full; what is around them comes after them.
  need.what.ask !== 'questions' && h('div', { class: 'body' },
    exactly(need),
    about(need),
    facts(need, home),
    remote(need)));

/** The facts around questions. @param {Need} need @param {string} home */
export const askFacts = (need, home) => need.what.ask === 'questions' && h('div', { class: 'group ask plain', key: 'around' }, h('div', { class: 'body' }, facts(need, home), remote(need)));

/** @param {Need} need */
const remote = (need) => need.remote && h('p', { class: 'hint', key: 'remote' }, words.need.remote);

/** What exactly: it stands in a box, because it is not ours. @param {Need} need @returns {Child} */
function exactly({ what, folder }) {
  if (what.ask === 'folder') return code('code', words.need.folder, folder ?? '');
  if (what.ask !== 'permission') return null;
  const { kind, command, file, patterns } = what;
  const all = patterns.join('\n');
  // Its kind says what is asked for: a command or a file beside another kind is what the agent is at.
  const own = kind === 'bash' ? command : FILES.includes(kind) ? file : null;
  const exact = own ?? all;
  const name = own === null ? words.need.exact : kind === 'bash' ? words.need.command : words.need.file;
  /** @param {string | null} text */
  const isNew = (text) => text !== null && text !== '' && text !== exact && !patterns.includes(text);
  return [
    exact !== '' && code('code', name, exact, own !== null && kind === 'bash'),
    isNew(command) && [h('p', { class: 'hint', key: 'command-name' }, words.need.beside), code('command', words.need.command, command ?? '', true)],
    isNew(file) && [h('p', { class: 'hint', key: 'file-name' }, words.need.fileBeside), code('file', words.need.file, file ?? '')],
    own !== null && all !== '' && all !== own && [h('p', { class: 'hint', key: 'rules' }, words.need.rulesSee), code('patterns', words.need.rulesSee, all)],
    [exact, command, file, ...patterns].some(isCut) && h('p', { class: 'hint', key: 'cut' }, words.need.cut),
  ];
}

/** The kinds that change a file. */
const FILES = ['edit', 'write', 'patch'];

/** The peer cuts with an ellipsis, and counts what it leaves out. @param {string | null} text */
const isCut = (text) => text !== null && (text.endsWith('…') || text.startsWith('… and '));

/** @param {string} key @param {string} name @param {string} text @param {boolean} [isCommand] */
const code = (key, name, text, isCommand = false) => h('pre', { class: 'code', key, tabindex: '0', 'aria-label': name },
  isCommand && h('span', { class: 'ps', 'aria-hidden': 'true' }, '$ '), text);

/** @param {Need} need @returns {Child} */
function about({ what }) {
  const text = what.ask === 'dirty' ? words.need.dirtyText : what.ask === 'unknown' ? words.need.unknown
    : what.ask === 'budget' ? (what.day ? words.need.dayText : words.need.budgetText) : null;
  return text && h('p', { class: 'text', key: 'text' }, text);
}

/** @param {Need} need @param {string} home */
function facts(need, home) {
  const { what, folder, agent, by } = need;
  const waits = [elapsed(view.now - need.since), elapsed(need.lapses_at - view.now)];
  const [waited, left] = /** @type {[string, string]} */ (waits);
  const isAgents = what.ask === 'permission' || what.ask === 'questions';
  const times = what.ask === 'budget' ? words.need.stopped : what.ask === 'questions' ? words.need.unanswered : words.need.times;
  /** @param {string} key @param {string} name @param {Child} value */
  const row = (key, name, value) => [h('dt', { key }, name), h('dd', { key: `${key}-value` }, value)];
  return h('dl', { class: 'kv', key: 'facts' },
    what.ask === 'permission' && !(what.kind in words.need.permissions) && row('kind', words.need.kind, h('span', { class: 'wrap' }, what.kind)),
    what.ask === 'permission' && what.added !== null && row('lines', words.need.lines, words.need.changed(what.added, what.removed ?? 0)),
    what.ask === 'dirty' && row('changes', words.need.changes, words.need.uncommitted(what.changes)),
    what.ask === 'dirty' && what.commit !== null && row('commit', words.need.commit, h('span', { class: 'mono' }, what.commit)),
    what.ask === 'budget' && [
      row('used', words.need.used, amount(what.limit, what.used)),
      row('limit', words.need.limit, (what.day ? words.need.perDay : words.need.perTask)(amount(what.limit, what.most))),
    ],
    folder !== null && what.ask !== 'folder' && row('folder', words.need.folder, middle(tilde(folder, home))),
    isAgents && row('by', words.need.by, h('span', { class: 'wrap' }, by === null ? agent : words.need.subagent(agent, by))),
    row('task', words.need.task, h('button', { class: 'link wrap', type: 'button', 'data-name': 'to-run', on: { click: () => go({ page: 'run', run_id: need.run_id }) } }, isAgents || what.ask === 'budget' ? words.need.steps : need.title)),
    row('wait', words.need.waiting, times(waited, left)));
}

/** @param {string} limit @param {number} n */
function amount(limit, n) {
  if (limit === 'cents') return cost(n);
  return limit === 'minutes' ? words.settings.minutes(n) : words.settings.tokens(tokens(n));
}

/** What an answer that holds longer means. @param {Need} need */
export function explain({ what, id }) {
  const isFolder = what.ask === 'folder';
  if (!isFolder && what.ask !== 'permission') return null;
  return h('div', { class: 'group', key: `explain-${id}` }, h('details', { class: 'more-d' },
    h('summary', { class: 'row one' }, icon('right', 'chev'), h('span', { class: 'l1' }, isFolder ? words.need.explain : words.need.explainRun)),
    h('div', { class: 'inside' },
      isFolder
        ? [h('p', null, words.setup.trust), h('p', null, words.need.once)]
        : [h('p', null, words.need.forRun), what.patterns.length > 0 && h('p', { key: 'same' }, words.need.same),
          what.patterns.length > 0 && h('pre', { class: 'code', key: 'patterns' }, `${what.kind}\n${what.patterns.join('\n')}`)])));
}

/** Why not, for the agent to read. @param {Need} need */
export const reason = ({ id, what }) => what.ask === 'permission' && h('div', { class: 'field', key: `reason-${id}` },
  h('label', { for: 'reason' }, words.need.reason, ' ', h('span', { class: 'about' }, words.need.reasonAbout)),
  h('input', {
    class: 'input', id: 'reason', type: 'text', maxlength: 1000, autocomplete: 'off', placeholder: words.need.reasonExample, value: draftOf(id).reason,
    on: { input: (/** @type {Event} */ event) => { draftOf(id).reason = /** @type {HTMLInputElement} */ (event.target).value; } },
  }));
