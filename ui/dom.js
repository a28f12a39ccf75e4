// Elements as values, and the one function that makes the document fit them.
//
// Promises: text from outside becomes text, never markup; an element that stays keeps its focus, its scroll position,
// its typed text and its hover, because it is the same element (told by `key`, else by tag and first class); listeners
// are found through the document's own, so that nothing is bound twice.

/**
 * @typedef {string | number | null | undefined | false | VNode | any[]} Child
 * @typedef {{ [name: string]: unknown, key?: string, class?: string, on?: Listeners, copy?: string, arrives?: boolean }} Props
 * @typedef {{ [type: string]: (event: any) => void }} Listeners
 * @typedef {{ tag: string, key: string | undefined, props: Props, children: (VNode | string)[] }} VNode
 */

const SVG = 'http://www.w3.org/2000/svg';
/** Kept as properties: the attribute is only the first value. */
const PROPERTIES = new Set(['checked', 'value', 'open', 'indeterminate']);
/** Not for the document. */
const OURS = new Set(['key', 'on', 'copy', 'arrives']);
const EVENTS = ['click', 'change', 'input', 'submit', 'toggle'];

/** @type {WeakMap<Node, VNode>} */
const drawn = new WeakMap();

/**
 * An element.
 * @param {string} tag
 * @param {Props | null} [props]
 * @param {...Child} children
 * @returns {VNode}
 */
export function h(tag, props, ...children) {
  return { tag, key: props?.key, props: props ?? {}, children: flat(children) };
}

/**
 * @param {Child[]} children
 * @returns {(VNode | string)[]}
 */
function flat(children) {
  /** @type {(VNode | string)[]} */
  const out = [];
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) out.push(...flat(child));
    else if (typeof child === 'object') out.push(child);
    else out.push(String(child));
  }
  return out;
}

/**
 * Makes the children of an element those given.
 * @param {Element} parent
 * @param {Child[]} children
 */
export function patch(parent, children) {
  const wanted = flat(children);
  const pool = new Map();
  const isGrowing = parent.firstChild !== null;
  for (const node of parent.childNodes) {
    const sign = signOf(drawn.get(node) ?? node.textContent ?? '');
    const list = pool.get(sign);
    if (list) list.push(node);
    else pool.set(sign, [node]);
  }
  const nodes = wanted.map((child) => {
    const node = pool.get(signOf(child))?.shift();
    if (node) return fit(node, child);
    const made = make(child);
    // Only what joins others arrives; a page that is drawn anew stands at once.
    if (isGrowing && typeof child !== 'string' && child.props.arrives) /** @type {Element} */ (made).classList.add('arrives');
    return made;
  });
  for (const list of pool.values()) for (const node of list) node.remove();
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

/** @param {VNode | string} child */
function signOf(child) {
  if (typeof child === 'string') return '#text';
  return child.key ? `${child.tag} ${child.key}` : `${child.tag}.${child.props.class?.split(' ')[0] ?? ''}`;
}

/**
 * @param {VNode | string} child
 * @returns {Node}
 */
function make(child) {
  if (typeof child === 'string') return document.createTextNode(child);
  const isSvg = child.tag === 'svg' || child.tag === 'use';
  const node = isSvg ? document.createElementNS(SVG, child.tag) : document.createElement(child.tag);
  return fit(node, child);
}

/**
 * @param {Node} node
 * @param {VNode | string} child
 * @returns {Node}
 */
function fit(node, child) {
  if (typeof child === 'string') {
    if (node.textContent !== child) node.textContent = child;
    return node;
  }
  const element = /** @type {Element} */ (node);
  const before = drawn.get(element)?.props ?? {};
  for (const name of Object.keys(before)) {
    if (!(name in child.props)) setProp(element, name, undefined, before[name]);
  }
  for (const [name, value] of Object.entries(child.props)) setProp(element, name, value, before[name]);
  drawn.set(element, child);
  patch(element, child.children);
  return element;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {unknown} value
 * @param {unknown} before
 */
function setProp(element, name, value, before) {
  if (OURS.has(name)) return;
  if (PROPERTIES.has(name)) {
    const target = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (element));
    if (target[name] !== value) target[name] = value;
    return;
  }
  if (value === before) return;
  if (value === undefined || value === null || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? '' : String(value));
}

/**
 * Hears the events of everything that is drawn in here.
 * @param {Element} root
 */
export function hear(root) {
  for (const type of EVENTS) {
    root.addEventListener(type, (event) => {
      for (let node = /** @type {Node | null} */ (event.target); node && node !== root; node = node.parentNode) {
        const on = drawn.get(node)?.props.on?.[type];
        if (on) {
          on(event);
          return;
        }
      }
    }, type === 'toggle');
  }
}

/**
 * What Ctrl+C copies when this element has the focus.
 * @param {Element | null} element
 */
export const copyOf = (element) => (element ? drawn.get(element)?.props.copy : undefined);
