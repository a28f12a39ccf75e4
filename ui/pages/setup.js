// First run, after sign-in: where agents may work, start and notifications, and what the icon says.
import { h } from '../dom.js';
import { base, tilde } from '../format.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { openTest } from '../view.js';
import { card, fact, icon, section, skeleton } from '../parts/base.js';
import { button, choice, toggle } from '../parts/controls.js';
import { folderRows, typedFolder } from '../parts/folders.js';
import { failure } from '../parts/notice.js';
import { workspaceField, workspaceList } from '../parts/workspace.js';

/**
 * @typedef {import('../bindings.d.ts').WindowState} WindowState
 * @typedef {import('../bindings.d.ts').Setting} Setting
 */

/** @param {Setting} change */
const set = (change) => ipc.setup(change);

/** @param {number} at */
const progress = (at) => h('div', { class: 'prog', key: 'prog', role: 'img', 'aria-label': words.setup.spoken(at) },
  [1, 2, 3, 4].map((n) => h('i', { class: n <= at ? 'on' : '', key: String(n) })), h('span', { 'aria-hidden': 'true' }, words.setup.step(at)));

/** @param {string} heading @param {string} text */
const intro = (heading, text) => h('div', { class: 'intro', key: 'intro' }, h('h1', { id: 'heading', tabindex: '-1' }, heading), h('p', null, text));

/** @param {2 | 3} page */
const backTo = (page) => button({ name: 'setup-back', label: words.setup.back, kind: 'plain', on: () => ipc.setupPage(page) });

/** @param {WindowState} now */
export function setupPage(now) {
  const page = now.setup.page === 3 ? prefs(now) : now.setup.page === 4 ? done(now) : folders(now);
  return { ...page, key: `setup-${now.setup.page}`, first: true };
}

/** @param {WindowState} now */
function folders({ setup, home }) {
  const hasPlace = setup.any_folder || setup.folders.length > 0;
  const hasWorkspace = setup.workspace_id !== null;
  const missing = hasPlace ? (hasWorkspace ? null : words.setup.missingWorkspace) : hasWorkspace ? words.setup.missingFolder : words.setup.missing;
  // One error, and two fields it may be about: the folder's while a workspace is chosen.
  const [folderError, workspaceError] = hasWorkspace ? [setup.error, null] : [null, setup.error];
  return {
    inside: [
      failure(),
      progress(2),
      intro(words.setup.where, words.setup.whereText),
      section('workspace', { label: words.setup.workspace, busy: setup.listing },
        setup.listing ? skeleton(words.setup.workspace, 1)
          : setup.workspaces.length > 0 ? workspaceList(setup.workspaces, setup.workspace_id, set) : workspaceField(setup.workspace_id, workspaceError, set)),
      section('folders', { label: words.setup.folders, lead: words.setup.trust },
        card(folderRows(setup.folders, home, set), typedFolder(folderError, set)),
        card(choice({
          kind: 'checkbox', group: 'any', name: 'any-folder', label: words.setup.any, text: words.setup.anyText, on: setup.any_folder,
          set: (on) => set({ setting: 'any_folder', value: on }),
        }))),
      section('far', { label: words.setup.far },
        card(h('div', { class: 'row said' }, icon('check', 't-teal'), h('span', null, h('span', { class: 'l1' }, words.setup.farIs), h('small', null, words.setup.farText))))),
    ],
    bar: [
      h('span', { class: 'note', id: 'missing' }, missing),
      button({ name: 'setup-next', label: words.setup.next, kind: 'primary', disabled: missing !== null, described: missing === null ? undefined : 'missing', on: () => ipc.setupPage(3) }),
    ],
  };
}

/** @param {WindowState} now */
const prefs = ({ setup }) => ({
  inside: [
    failure(),
    progress(3),
    intro(words.setup.way, words.setup.wayText),
    card(
      toggle({ name: 'autostart', label: words.setup.autostart, text: words.setup.autostartText, on: setup.autostart, set: (on) => set({ setting: 'autostart', value: on }) }),
      toggle({
        name: 'notifications', label: words.setup.notifications, text: words.setup.notificationsText, on: setup.notifications,
        set: (on) => set({ setting: 'notifications', value: { needs_you: on, deviations: on, run_failed: on, offline: on, license: on } }),
      })),
    setup.error !== null && h('p', { class: 'err alone', role: 'alert', key: 'error' }, icon('alert'), h('span', null, setup.error)),
  ],
  bar: [backTo(2), h('span', { class: 'sp' }), button({ name: 'setup-next', label: words.setup.next, kind: 'primary', on: () => ipc.setupPage(4) })],
});

const GLYPHS = /** @type {const} */ (['ready', 'running', 'paused', 'connecting', 'signed-out']);

/** @param {WindowState} now */
function done(now) {
  const { setup, health, home } = now;
  const workspace = setup.workspaces.find(({ id }) => id === setup.workspace_id)?.name ?? now.header.workspace ?? setup.workspace_id;
  const places = setup.any_folder ? words.setup.any : setup.folders.map(base).join(', ');
  const opencode = [health.opencode_version, health.opencode_words].filter((part) => part).join(' · ');
  return {
    inside: [
      failure(),
      progress(4),
      intro(words.setup.done, workspace === null ? words.setup.doneTextNoName : words.setup.doneText(workspace)),
      section('legend', { label: words.setup.legend },
        card(
          h('ul', { class: 'legend' }, GLYPHS.map((glyph) => h('li', { key: glyph, class: glyph === 'connecting' ? 'is-off' : '' },
            h('svg', { class: 'g', viewBox: '0 0 16 16', 'aria-hidden': 'true' }, h('use', { href: `#g-${glyph}` })), words.setup.legends[glyph]))),
          h('div', { class: 'row one', key: 'diamond' }, icon('needs', 't-amber'), h('span', { class: 'l1 soft' }, words.setup.diamond)),
          h('div', { class: 'row one', key: 'mark' }, icon('bang', 't-red'), h('span', { class: 'l1 soft' }, words.setup.mark)))),
      section('facts', {},
        card(
          workspace !== null && fact({ key: 'signed-in', icon: 'check', tone: 'teal', name: words.setup.signedIn, value: workspace }),
          opencode !== '' && fact({ key: 'opencode', icon: health.opencode_ok ? 'check' : 'alert', tone: health.opencode_ok ? 'teal' : 'red', name: words.health.opencode, value: opencode, path: true }),
          places !== '' && fact({ key: 'folders', icon: 'check', tone: 'teal', name: words.setup.folders, value: places, title: setup.folders.map((folder) => tilde(folder, home)).join('\n') }))),
    ],
    bar: [
      backTo(3),
      h('span', { class: 'sp' }),
      button({ name: 'setup-done', label: words.setup.open, on: () => ipc.setupDone() }),
      button({ name: 'test-task', label: words.setup.test, busy: words.setup.testBusy, kind: 'primary', on: startTest }),
    ],
  };
}

/** Sends a test task, and opens its page. */
export async function startTest() {
  await ipc.testTask();
  openTest(true);
}
