// Which workspace's tasks are taken: a list when OrgX gives one, else a field for the id.
import { h } from '../dom.js';
import * as words from '../strings.js';
import { card, icon, short } from './base.js';
import { choice, field } from './controls.js';

/**
 * @typedef {import('../bindings.d.ts').Setting} Setting
 * @typedef {import('../bindings.d.ts').Workspace} Workspace
 */

const ID = /^[\w.-]{1,128}$/;

/**
 * @param {Workspace[]} list
 * @param {string | null} chosen
 * @param {(change: Setting) => Promise<unknown>} set
 */
export const workspaceList = (list, chosen, set) => h('div', { class: 'group', role: 'radiogroup', 'aria-label': words.setup.workspace, key: 'workspaces' },
  list.map(({ id, name }) => choice({
    kind: 'radio', group: 'workspace', name: `workspace-${id}`, label: name, on: id === chosen,
    set: () => set({ setting: 'workspace', value: id }),
  })));

/**
 * @param {string | null} chosen
 * @param {string | null} error
 * @param {(change: Setting) => Promise<unknown>} set
 */
export const workspaceField = (chosen, error, set) => h('div', { class: 'stack', key: 'workspace-id' },
  chosen !== null && card(h('div', { class: 'row one' }, icon('check', 't-teal'), short(chosen, { cls: 'l1 mono' }))),
  card(field({
    name: 'workspace-field', label: chosen === null ? words.setup.workspaceId : words.setup.workspaceOther, hint: words.setup.workspaceHint,
    label2: words.setup.workspaceUse, busy: words.setup.workspaceUse, error,
    check: (text) => (ID.test(text) ? null : words.setup.workspaceBad),
    send: (text) => set({ setting: 'workspace', value: text }),
  })));
