// What the person has begun to say to what waits for them: kept while they look at another item, gone with the item.

/** @typedef {{ reason: string, picks: Map<number, Set<number>>, isOther: Set<number>, others: Map<number, string> }} Draft */

/** @type {Map<string, Draft>} */
const drafts = new Map();

/** @param {string} id @returns {Draft} */
export function draftOf(id) {
  let draft = drafts.get(id);
  if (!draft) drafts.set(id, (draft = { reason: '', picks: new Map(), isOther: new Set(), others: new Map() }));
  return draft;
}

/** Forgets what belongs to none of these. @param {string[]} ids */
export function keepDrafts(ids) {
  for (const id of drafts.keys()) if (!ids.includes(id)) drafts.delete(id);
}
