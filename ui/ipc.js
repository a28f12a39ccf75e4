// The one place that speaks to the shell. Each function is one command of `src-tauri`; names and arguments are its.
// What comes back is the shell's answer, or a rejection that holds a `Failure`.

/**
 * @typedef {import('./bindings.d.ts').WindowState} WindowState
 * @typedef {import('./bindings.d.ts').Page} Page
 * @typedef {import('./bindings.d.ts').Action} Action
 * @typedef {import('./bindings.d.ts').Setting} Setting
 * @typedef {import('./bindings.d.ts').Quit} Quit
 * @typedef {import('./bindings.d.ts').Say} Say
 * @typedef {import('./bindings.d.ts').Way} Way
 * @typedef {'keychain' | 'memory' | 'file'} KeyPlace
 * @typedef {{ core: { invoke(name: string, args?: Record<string, unknown>): Promise<any> }, event: { listen(name: string, on: (event: { payload: any }) => void): Promise<() => void> } }} Tauri
 */

/** @returns {Tauri} */
const tauri = () => /** @type {any} */ (window).__TAURI__;

/**
 * @param {string} name
 * @param {Record<string, unknown>} [args]
 * @returns {Promise<any>}
 */
const invoke = (name, args) => tauri().core.invoke(name, args);

/** @param {(state: WindowState) => void} on */
export const listen = (on) => tauri().event.listen('state', (event) => on(event.payload));

/** @returns {Promise<WindowState>} */
export const ready = () => invoke('ready');
/** @param {Page} page */
export const showPage = (page) => invoke('show_page', { page });
export const closeWindow = () => invoke('close_window');

/** @param {boolean} afterCurrentRuns */
export const pause = (afterCurrentRuns) => invoke('pause', { afterCurrentRuns });
export const resume = () => invoke('resume');
export const tryNow = () => invoke('try_now');
/** @param {string} runId */
export const cancelRun = (runId) => invoke('cancel_run', { runId });
/**
 * @param {string} id
 * @param {Say} say
 */
export const answer = (id, say) => invoke('answer', { id, say });
/** @param {Action} action */
export const doAction = (action) => invoke('do_action', { action });

/** @param {Way} way */
export const signInStart = (way) => invoke('sign_in_start', { way });
/** @param {string} key */
export const signInKey = (key) => invoke('sign_in_key', { key });
export const signInBack = () => invoke('sign_in_back');
export const pairOpen = () => invoke('pair_open');
export const pairCopy = () => invoke('pair_copy');
/** @param {KeyPlace} place */
export const keepKey = (place) => invoke('keep_key', { place });
export const signOut = () => invoke('sign_out');

/** @param {Setting} change */
export const setup = (change) => invoke('setup', { change });
/** @param {2 | 3 | 4} page */
export const setupPage = (page) => invoke('setup_page', { page });
export const setupDone = () => invoke('setup_done');
export const testTask = () => invoke('test_task');
export const testClose = () => invoke('test_close');
/** @param {Setting} change */
export const set = (change) => invoke('set', { change });

/** @param {string} runId */
export const copyReceipt = (runId) => invoke('copy_receipt', { runId });
export const copyDiagnostics = () => invoke('copy_diagnostics');
/** @param {string} text */
export const copyText = (text) => invoke('copy_text', { text });
export const showOutbox = () => invoke('show_outbox');
export const showLogs = () => invoke('show_logs');
export const openOrgx = () => invoke('open_orgx');
/** @param {string} path */
export const openFolder = (path) => invoke('open_folder', { path });
/**
 * @param {string} id
 * @param {boolean} terminal in one, or as a line to paste?
 */
export const openSession = (id, terminal) => invoke('open_session', { id, terminal });
/**
 * @param {string} runId
 * @param {boolean} terminal
 */
export const openRun = (runId, terminal) => invoke('open_run', { runId, terminal });
/**
 * @param {string} runId
 * @param {boolean} undone taken back, or done again?
 */
export const undo = (runId, undone) => invoke('undo', { runId, undone });
/**
 * @param {string} runId
 * @param {string} place
 */
export const showFile = (runId, place) => invoke('show_file', { runId, place });
/** @param {Quit} how */
export const quit = (how) => invoke('quit', { how });
