// The OrgX Peer plugin for OpenCode. What it does and what it sends is in docs/plugin.md of OrgX Peer.
//
// What it promises:
// - it tells the OrgX Peer on this computer, and nobody else, when a session starts to work and when it ends: at the
//   loopback address in webhook.json, signed with the secret in it. Without that file it says nothing;
// - while its OpenCode listens, ~/.opencode/state.json names the port, unless the file names another one that answers;
// - it never throws into OpenCode, never prints, and never holds it up for more than 200 ms.

import { spawn } from "node:child_process"
import { createHash, createHmac } from "node:crypto"
import { accessSync, constants, promises as fs, readFileSync, unlinkSync } from "node:fs"
import net from "node:net"
import os from "node:os"
import path from "node:path"
import tty from "node:tty"
import { isMainThread } from "node:worker_threads"

/** Where the OrgX Peer of this file is and keeps its state. Filled in when the file is installed. */
const INSTALLED = {}

/** What OpenCode calls its address when it does not listen at all. */
const NO_LISTENER = "http://localhost:4096/"
/** The exit status of a process that such a signal ended. */
const BY_SIGNAL = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }
/** The exit status of a session that somebody stopped. */
const STOPPED = 130

/** How long OpenCode may be held up when it ends, and by a signal, in ms. */
const LAST_WORDS = 200
const LAST_WORDS_OF_SIGNAL = 150
/** How long one answer may take, in ms. All who are asked are on this computer. */
const ANSWER = 2000
/** How often the state file is looked at, in ms: the server that it names may have ended. */
const LOOK_EVERY = 5000
/** Messages that may wait for a peer that does not answer; past it they are not sent. */
const QUEUE = 64
/** Sessions that are remembered. */
const SESSIONS = 1000
/** Largest file and answer that is read, in bytes. */
const LARGEST = 64 * 1024

/** One for each process: OpenCode loads a plugin once for each folder, and there may be several copies of this file. */
const KEY = Symbol.for("orgx-peer.opencode-plugin")

export const OrgxPeer = async (input) => {
  try {
    globalThis[KEY] ??= new Plugin()
    return globalThis[KEY].hooks(input)
  } catch {
    return {}
  }
}

class Plugin {
  /** The folders in which OpenCode works. */
  instances = new Set()
  /** By id: id, parent (null: none; undefined: not known), directory, model, title; at work also started, failed, retries. */
  sessions = new Map()
  sent = Promise.resolve()
  waiting = 0
  guards = undefined
  /** The signal that is ending this process. */
  signal = undefined
  stateFile = new StateFile(
    () => this.atWork(),
    () => this.guard(),
  )

  constructor() {
    const { ORGX_API_KEY: key, ORGX_WORKSPACE_ID: workspace } = process.env
    // The commands of OpenCode's agents inherit what is left here.
    for (const name of ["ORGX_API_KEY", "ORGX_GATEWAY_KEY", "ORGX_WORKSPACE_ID"]) delete process.env[name]
    if (key && workspace) startPeer(key, workspace).catch(nothing)
    if (isMainThread) process.on("exit", () => this.stateFile.close())
  }

  hooks(input) {
    const instance = { client: input.client, directory: input.directory }
    this.instances.add(instance)
    this.lastWords = undefined
    this.stateFile.open(() => input.serverUrl)
    return {
      event: quiet(async ({ event }) => this.on(event, instance)),
      dispose: quiet(() => this.dispose(instance)),
    }
  }

  on(event, instance) {
    const about = event?.properties ?? {}
    switch (event?.type) {
      case "session.created":
      case "session.updated":
        if (about.info?.id) learn(this.session(about.info.id), about.info)
        break
      case "message.updated":
        if (about.info?.sessionID) learnModel(this.session(about.info.sessionID), about.info)
        break
      case "session.status":
        if (!about.sessionID || !about.status) break
        if (about.status.type === "idle") this.ended(about.sessionID)
        else this.works(this.session(about.sessionID), about.status.type, instance)
        break
      case "session.idle":
        this.ended(about.sessionID)
        break
      case "session.error": {
        const session = this.sessions.get(about.sessionID)
        if (session?.started) session.failed = about.error?.name === "MessageAbortedError" ? STOPPED : 1
        break
      }
    }
  }

  session(id) {
    let session = this.sessions.get(id)
    if (session) return session
    if (this.sessions.size >= SESSIONS) {
      const oldest = [...this.sessions.values()].find((other) => !other.started)
      if (oldest) this.sessions.delete(oldest.id)
    }
    session = { id, instances: new Set() }
    this.sessions.set(id, session)
    return session
  }

  /** How many sessions are at work, subagents not counted. */
  atWork() {
    return [...this.sessions.values()].filter((session) => session.started && !session.parent).length
  }

  works(session, status, instance) {
    session.instances.add(instance)
    session.retries = status === "retry"
    // What went wrong before it went on is not how it ends.
    session.failed = undefined
    if (session.started) return
    session.started = Date.now()
    session.directory ??= instance.directory
    this.tell(session, instance, { hook_type: "start" })
    this.changed()
  }

  /** It works no more; `status` is known where something else than its events tells so. */
  ended(id, status) {
    const session = this.sessions.get(id)
    if (!session?.started) return
    // Of a stop between two tries of a model OpenCode tells no error.
    const exit_status = status ?? session.failed ?? (session.retries ? STOPPED : 0)
    const duration_seconds = Math.round((Date.now() - session.started) / 1000)
    const [instance] = session.instances
    session.started = session.failed = undefined
    session.instances.clear()
    this.tell(session, instance, { hook_type: "stop", duration_seconds, exit_status })
    this.changed()
  }

  changed() {
    this.guard()
    this.stateFile.look()
  }

  async dispose(instance) {
    this.instances.delete(instance)
    for (const session of [...this.sessions.values()]) {
      if (!session.started || !session.instances.has(instance)) continue
      if (session.instances.size === 1) this.ended(session.id, BY_SIGNAL[this.signal] ?? STOPPED)
      else session.instances.delete(instance)
    }
    // The server of the terminal interface ends with its last folder; others listen until their process ends.
    if (!isMainThread && this.instances.size === 0) this.stateFile.close()
    this.lastWords ??= Date.now() + LAST_WORDS
    await this.flush(this.lastWords - Date.now())
  }

  /** Tells the peer, in the background and in order. Nothing is told of subagents. */
  tell(session, instance, what) {
    if (this.waiting >= QUEUE) return
    const timestamp = new Date().toISOString()
    const message = async () => {
      if (session.parent === undefined) await lookUp(session, instance)
      if (session.parent !== null) return
      const { id: session_id, directory: cwd, model, title } = session
      await post({ session_id, ...what, cwd, model, timestamp, pid: process.pid }, title)
    }
    this.waiting++
    this.sent = this.sent.then(message).catch(nothing).finally(() => this.waiting--)
  }

  /** Waits until all is told, or for so long. */
  async flush(ms) {
    if (this.waiting > 0 && ms > 0) await within(this.sent, ms).catch(nothing)
  }

  /** Catches signals, while there is something to tell or to clear away. A worker does not get any. */
  guard() {
    if (!isMainThread || this.signal) return
    const wanted = this.atWork() > 0 || this.stateFile.port !== undefined
    if (wanted && !this.guards) {
      this.guards = deadlySignals().map((signal) => [signal, () => this.signalled(signal)])
      for (const [signal, guard] of this.guards) process.on(signal, guard)
    }
    if (!wanted) this.unguard()
  }

  unguard() {
    for (const [signal, guard] of this.guards ?? []) process.off(signal, guard)
    this.guards = undefined
  }

  signalled(signal) {
    const again = this.signal !== undefined
    this.signal = signal
    // OpenCode, or another plugin, decides itself what comes of it.
    if (process.listenerCount(signal) > 1) return
    const die = () => {
      this.unguard()
      process.kill(process.pid, signal)
    }
    if (again) return die()
    let left = []
    try {
      this.stateFile.close()
      left = [...this.sessions.values()].filter((session) => session.started)
      for (const { id } of left) this.ended(id, BY_SIGNAL[signal])
    } catch {}
    const leave = () => {
      try {
        // A busy computer: a program that outlives this one has the last word. What is told twice counts once.
        if (this.waiting > 0) for (const session of left) outlive(session, BY_SIGNAL[signal])
      } catch {}
      die()
    }
    this.flush(LAST_WORDS_OF_SIGNAL).then(leave, leave)
  }
}

/** The file in which others find this OpenCode: `port`, `version`, `session_count`, and `pid` to know one's own entry. */
class StateFile {
  url = undefined
  /** The port that the file names for us. */
  port = undefined
  looking = undefined

  constructor(count, changed) {
    this.count = count
    this.changed = changed
  }

  /** From now on it is kept true. The address is asked for anew each time: it may come later. */
  open(url) {
    // Set by who starts a server that nobody else is to find, such as OrgX Peer for its own.
    if (process.env.OPENCODE_NO_STATE_FILE) return
    this.url = url
    this.timer ??= setInterval(() => this.look(), LOOK_EVERY)
    this.timer.unref?.()
    this.look()
  }

  /** The server ends, or this process. */
  close() {
    clearInterval(this.timer)
    this.timer = this.url = undefined
    this.remove()
  }

  /** Makes the file say what is so. One look at a time; what changes meanwhile is seen by one more. */
  look() {
    if (!this.url) return
    if (this.looking) {
      this.again = true
      return
    }
    this.looking = this.makeTrue()
      .catch(nothing)
      .finally(() => {
        this.looking = undefined
        const again = this.again
        this.again = false
        if (again) this.look()
      })
  }

  async makeTrue() {
    const port = portOf(this.url())
    const file = stateFile()
    const said = port && parse(await readSmall(file))
    const ours = said?.pid === process.pid && said.port === port
    if (ours && port === this.port && said.session_count === this.count()) return
    const health = port && (await listens(port)) && (await healthOf(port, login()))
    const taken = said && said.port !== port && (await answers(said.port))
    if (!this.url) return
    if (!health?.healthy || taken) return this.remove()
    this.port = port
    this.changed()
    await replace(file, { port, version: health.version, session_count: this.count(), pid: process.pid })
    // It may have been closed meanwhile.
    if (!this.url) this.remove()
  }

  /** Takes our own entry away, and nobody else's. */
  remove() {
    if (this.port === undefined) return
    this.port = undefined
    try {
      const file = stateFile()
      if (parse(readFileSync(file, "utf8"))?.pid === process.pid) unlinkSync(file)
    } catch {}
    this.changed()
  }
}

function stateFile() {
  if (process.platform !== "win32") return path.join(home(), ".opencode", "state.json")
  return path.join(process.env.APPDATA || path.join(home(), "AppData", "Roaming"), "opencode", "state.json")
}

/** Replaces the file whole: who reads it sees the old or the new. */
async function replace(file, value) {
  const folder = path.dirname(file)
  const made = await fs.mkdir(folder, { mode: 0o700 }).then(
    () => true,
    () => false,
  )
  // OpenCode installs a package of its own into each such folder. Where it cannot, it is not to try for long.
  if (made && INSTALLED.npmrc) await fs.writeFile(path.join(folder, ".npmrc"), INSTALLED.npmrc, { flag: "wx" }).catch(nothing)
  const fresh = `${file}.${process.pid}`
  try {
    await fs.writeFile(fresh, `${JSON.stringify(value)}\n`, { mode: 0o600 })
    await fs.rename(fresh, file)
  } catch (error) {
    await fs.unlink(fresh).catch(nothing)
    throw error
  }
}

/** The port of this OpenCode's address, if it may be a real one. */
function portOf(url) {
  if (url?.protocol !== "http:") return undefined
  // Only Linux can tell whether somebody listens there after all.
  if (url.href === NO_LISTENER && process.platform !== "linux") return undefined
  return Number(url.port) || undefined
}

/** Is it this process that listens on that port? */
async function listens(port) {
  if (process.platform !== "linux") return true
  const hex = port.toString(16).toUpperCase().padStart(4, "0")
  const sockets = new Set()
  for (const table of ["tcp", "tcp6"]) {
    const text = await fs.readFile(`/proc/self/net/${table}`, "utf8").catch(() => "")
    for (const line of text.split("\n").slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
      if (state === "0A" && local.endsWith(`:${hex}`)) sockets.add(`socket:[${inode}]`)
    }
  }
  if (sockets.size === 0) return false
  for (const fd of await fs.readdir("/proc/self/fd")) {
    if (sockets.has(await fs.readlink(`/proc/self/fd/${fd}`).catch(nothing))) return true
  }
  return false
}

/** The password of this OpenCode's own server. */
function login() {
  const password = process.env.OPENCODE_SERVER_PASSWORD
  if (!password) return {}
  const user = process.env.OPENCODE_SERVER_USERNAME || "opencode"
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` }
}

/** What an OpenCode on that port says of its health. */
async function healthOf(port, headers = {}) {
  const answer = await call(new URL(`http://127.0.0.1:${port}/global/health`), { headers })
  const locked = answer.status === 401 && /secure area/i.test(answer.head)
  const health = answer.status === 200 ? parse(answer.body) : undefined
  return { locked, healthy: health?.healthy === true, version: health?.version }
}

/** Is there an OpenCode on that port, or a daemon that writes such a file, too? */
async function answers(port) {
  if (!Number.isInteger(port) || port < 1 || port > 65535) return false
  try {
    const { locked, healthy } = await healthOf(port)
    if (locked || healthy) return true
    const { status, body } = await call(new URL(`http://127.0.0.1:${port}/status`))
    return status >= 500 || (status === 200 && typeof parse(body) === "object")
  } catch {
    return false
  }
}

function learn(session, info) {
  session.parent = info.parentID ?? null
  session.directory = info.directory ?? session.directory
  session.title = info.title ?? session.title
  if (info.model?.providerID && info.model.id) session.model = `${info.model.providerID}/${info.model.id}`
}

function learnModel(session, info) {
  const { providerID, modelID } = info.model ?? info
  if (providerID && modelID) session.model = `${providerID}/${modelID}`
}

/** Asks OpenCode about a session from before this plugin was loaded. */
async function lookUp(session, instance) {
  const { data } = await within(instance.client.session.get({ path: { id: session.id } }), ANSWER)
  if (data?.id === session.id) learn(session, data)
}

/** Posts to the peer, where webhook.json says; nowhere else, and nothing without it. */
async function post(message, title) {
  const hook = parse(await readSmall(path.join(stateFolder(), "webhook.json")))
  const url = hook?.version === 1 ? loopback(hook.url) : undefined
  if (!url) return
  const body = JSON.stringify(hook.titles === true ? { ...message, title } : message)
  const headers = { "content-type": "application/json" }
  if (hook.secret) {
    headers["x-hub-signature-256"] = `sha256=${createHmac("sha256", hook.secret).update(body).digest("hex")}`
  }
  await call(url, { method: "POST", headers, body })
}

function loopback(text) {
  const url = new URL(text)
  const here = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname)
  return here && url.protocol === "http:" && !url.username && !url.password ? url : undefined
}

/** One call, past every proxy: `fetch` would heed those of the environment. */
function call(url, { method = "GET", headers = {}, body = "" } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) || 80 })
    const timer = setTimeout(() => socket.destroy(new Error("no answer")), ANSWER)
    socket.unref?.()
    timer.unref?.()
    let said = ""
    const answered = () => {
      const end = said.indexOf("\r\n\r\n")
      const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(said)?.[1])
      if (end < 0 || !status) return reject(new Error("no HTTP"))
      resolve({ status, head: said.slice(0, end), body: said.slice(end + 4) })
    }
    const isWhole = () => {
      const end = said.indexOf("\r\n\r\n")
      const length = /^content-length: *(\d+)/im.exec(said.slice(0, Math.max(end, 0)))?.[1]
      return said.length > LARGEST || (end >= 0 && length !== undefined && said.length >= end + 4 + Number(length))
    }
    socket.on("data", (data) => {
      // One character for each byte: it is measured in bytes.
      said += data.toString("latin1")
      if (isWhole()) socket.destroy()
    })
    socket.on("error", reject)
    socket.on("close", () => {
      clearTimeout(timer)
      answered()
    })
    const lines = { host: url.host, connection: "close", "content-length": Buffer.byteLength(body), ...headers }
    const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`${method} ${url.pathname}${url.search} HTTP/1.1\r\n${head.join("")}\r\n${body}`)
  })
}

/** Starts `orgx-peer run`, which outlives OpenCode and ends by itself where one runs for the workspace. */
async function startPeer(key, workspace) {
  if (await peerRuns(workspace)) return
  const program = [INSTALLED.program, ...onPath("orgx-peer")].find(isProgram)
  if (!program) return
  const env = { ...process.env, ORGX_API_KEY: key, ORGX_WORKSPACE_ID: workspace, PWD: home() }
  for (const name of ["AGENT", "OPENCODE", "OPENCODE_PID"]) delete env[name]
  const options = { env, cwd: home(), detached: true, stdio: "ignore", windowsHide: true }
  spawn(program, ["run"], options).on("error", nothing).unref()
}

/** Lets the peer's own program tell that a session ended: this process has no time for it. */
function outlive({ id, parent, directory }, exit_status) {
  if (parent !== null || !INSTALLED.program) return
  const words = ["hook", "stop", `--session-id=${id}`, `--exit-status=${exit_status}`]
  if (directory) words.push(`--cwd=${directory}`)
  const env = { ...process.env, ORGX_PEER_STATE_DIR: stateFolder() }
  spawn(INSTALLED.program, words, { env, detached: true, stdio: "ignore", windowsHide: true }).on("error", nothing).unref()
}

/** Does a peer of this workspace listen on its control socket? Not knowing is no. */
async function peerRuns(workspace) {
  if (process.platform === "win32") return false
  const origin = new URL(process.env.ORGX_BASE_URL || "https://useorgx.com").origin
  const tenant = createHash("sha256").update(`${origin}\n${workspace}`).digest("hex").slice(0, 12)
  const socket = net.connect(path.join(stateFolder(), `${tenant}.sock`))
  const answer = new Promise((resolve) => {
    socket.on("connect", () => resolve(true))
    socket.on("error", () => resolve(false))
  })
  const runs = await within(answer, ANSWER).catch(() => false)
  socket.destroy()
  return runs
}

function onPath(name) {
  const file = process.platform === "win32" ? `${name}.exe` : name
  const folders = (process.env.PATH ?? "").split(path.delimiter).filter((folder) => path.isAbsolute(folder))
  return folders.map((folder) => path.join(folder, file))
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Where the peer keeps webhook.json. */
function stateFolder() {
  if (process.env.ORGX_PEER_STATE_DIR || INSTALLED.state) return process.env.ORGX_PEER_STATE_DIR || INSTALLED.state
  if (process.platform === "darwin") return path.join(home(), "Library", "Application Support", "OrgX Peer", "State")
  if (process.platform === "win32") {
    return path.join(process.env.LOCALAPPDATA || path.join(home(), "AppData", "Local"), "OrgX Peer", "State")
  }
  return path.join(process.env.XDG_STATE_HOME || path.join(home(), ".local", "state"), "orgx-peer")
}

/** The signals that would end this process; caught, an ignored one would end it, too. */
function deadlySignals() {
  const signals = Object.keys(BY_SIGNAL)
  if (process.platform !== "linux") return tty.isatty(0) ? ["SIGINT", "SIGTERM"] : ["SIGTERM"]
  const mask = /^SigIgn:\s*([0-9a-f]+)/im.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"
  const isIgnored = (signal) => (BigInt(`0x${mask}`) >> BigInt(os.constants.signals[signal] - 1)) & 1n
  return signals.filter((signal) => !isIgnored(signal))
}

function home() {
  return (process.platform === "win32" ? process.env.USERPROFILE : process.env.HOME) || os.homedir()
}

/** The text of a file, if it is one and not a large one. */
async function readSmall(file) {
  const about = await fs.stat(file).catch(nothing)
  return about?.isFile() && about.size <= LARGEST ? fs.readFile(file, "utf8").catch(nothing) : undefined
}

function parse(text) {
  try {
    return JSON.parse(text) ?? undefined
  } catch {
    return undefined
  }
}

/** The same promise, which fails when it takes longer. */
function within(promise, ms) {
  let timer
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("too late")), ms)))
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** The same hook, which never fails. */
function quiet(hook) {
  return async (input) => {
    try {
      await hook(input)
    } catch {}
  }
}

function nothing() {}
