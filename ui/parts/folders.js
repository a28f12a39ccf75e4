// Folders that agents may work in: the list, the dialog, and a field for a path; used by first run and settings.
import { h } from '../dom.js';
import { base, tilde } from '../format.js';
import * as words from '../strings.js';
import { act, view } from '../view.js';
import { icon, middle } from './base.js';
import { button, field } from './controls.js';

/**
 * @typedef {import('../bindings.d.ts').Setting} Setting
 * @typedef {(change: Setting) => Promise<unknown>} Set
 */

const PATH = /^(~|[/\\]|[A-Za-z]:[/\\])/;

/**
 * @param {string[]} folders
 * @param {string} home
 * @param {Set} set
 * @param {boolean} [fixed]
 */
export function folderRows(folders, home, set, fixed = false) {
  const add = () => act('add-folder', () => set({ setting: 'add_folder', value: '' }));
  const isBusy = view.doing.get('add-folder')?.phase === 'busy';
  return [
    folders.map((folder) => h('div', { class: 'row one', key: `folder-${folder}` },
      icon('folder'),
      h('span', { class: 'l1' }, middle(nameIn(folder, folders), { title: tilde(folder, home) })),
      fixed ? null : button({
        name: `remove-${folder}`, label: '', icon: 'x', kind: 'plain icon', spoken: words.setup.remove(tilde(folder, home)), title: words.setup.removeShort,
        on: () => set({ setting: 'remove_folder', value: folder }),
      }))),
    !fixed && h('button', { class: 'row one', type: 'button', key: 'add-folder', 'data-name': 'add-folder', on: { click: add } },
      icon('plus'), h('span', { class: 'l1' }, isBusy ? words.setup.addBusy : words.setup.add)),
  ];
}

/** A folder's name; with its parent where two have the same. @param {string} folder @param {string[]} all */
function nameIn(folder, all) {
  const name = base(folder);
  if (all.filter((other) => base(other) === name).length < 2) return name;
  return folder.split(/[/\\]/).filter((part) => part !== '').slice(-2).join('/');
}

/**
 * @param {string | null} error
 * @param {Set} set
 */
export const typedFolder = (error, set) => field({
  name: 'typed-folder', label: words.setup.typed, label2: words.setup.typedDo, busy: words.setup.typedDo, error, placeholder: '~/code/shop',
  check: (text) => (PATH.test(text) ? null : words.setup.typedBad),
  send: (text) => set({ setting: 'add_folder', value: text }),
});
