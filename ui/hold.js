// A list that does not jump under the pointer: while the pointer is over it, its rows stay where they are and only
// their words change; new rows wait until the pointer has left.

/** @type {string | undefined} */
let over;
/** @type {Map<string, { keys: string[], rows: Map<string, any> }>} */
const shown = new Map();

/**
 * The rows to show.
 * @template T
 * @param {string} list the name of the list that the pointer may be over
 * @param {string} part which part of it
 * @param {T[]} rows those that the state has here
 * @param {(row: T) => string} keyOf
 * @param {T[]} [everywhere] all parts' rows: one that has moved to another part stays where it is shown
 * @returns {T[]}
 */
export function hold(list, part, rows, keyOf, everywhere = rows) {
  const before = shown.get(`${list}/${part}`);
  if (over !== list || !before || before.keys.length === 0) {
    shown.set(`${list}/${part}`, { keys: rows.map(keyOf), rows: new Map(rows.map((row) => [keyOf(row), row])) });
    return rows;
  }
  for (const row of everywhere) if (before.rows.has(keyOf(row))) before.rows.set(keyOf(row), row);
  return before.keys.map((key) => before.rows.get(key));
}

/**
 * @param {Element} root
 * @param {() => void} left called when the pointer leaves a list
 */
export function watchPointer(root, left) {
  /** @param {EventTarget | null} target */
  const move = (target) => {
    const list = target instanceof Element ? target.closest('[data-list]')?.getAttribute('data-list') : null;
    const next = list ?? undefined;
    if (next === over) return;
    const was = over;
    over = next;
    if (was !== undefined) left();
  };
  root.addEventListener('pointerover', (event) => {
    if (/** @type {PointerEvent} */ (event).pointerType !== 'touch') move(event.target);
  });
  document.documentElement.addEventListener('pointerleave', () => move(null));
}
