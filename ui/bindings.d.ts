// Made from src-tauri/src/view/model.rs by `ORGX_UPDATE_BINDINGS=1 cargo test -p orgx-tray bindings`.

/**
 * The header's button.
 */
export type Act = "pause" | "resume" | "try_now";

/**
 * What a button of a notice does.
 */
export type Action = "sign_in" | "try_now" | "resume" | "open_orgx" | "choose_opencode" | "show_state_folder" | "show_outbox" | "retry_keychain" | "key_in_memory" | "restart";

/**
 * What a run's folder looked like before it.
 */
export type Before = { 
/**
 * The commit, cut short.
 */
commit: string, 
/**
 * Files that differed from it, when somebody looked.
 */
changes: number | null, };

/**
 * What may be used before the person is asked; `None`: as much as it takes.
 */
export type Budget = { 
/**
 * Tokens.
 */
tokens: number | null, 
/**
 * US cents.
 */
cents: number | null, 
/**
 * Minutes of work.
 */
minutes: number | null, };

/**
 * One answer to choose.
 */
export type Choice = { 
/**
 * The answer.
 */
label: string, 
/**
 * What it means.
 */
about: string, };

/**
 * An entry of a run's timeline.
 */
export type Entry = { "entry": "step", 
/**
 * When.
 */
at: number, 
/**
 * `file_edit`, `tool_call` or `chat`.
 */
kind: string, 
/**
 * As OrgX is told.
 */
summary: string, } | { "entry": "deviation", 
/**
 * When.
 */
at: number, 
/**
 * The skill.
 */
skill: string, 
/**
 * What.
 */
what: string, 
/**
 * Where.
 */
place: string, 
/**
 * Is it muted?
 */
muted: boolean, };

/**
 * Why a command was not done.
 */
export type Failure = { 
/**
 * What happened.
 */
title: string, 
/**
 * What it means, and what to do.
 */
text: string, };

/**
 * A sign-in found on this computer.
 */
export type FoundSignIn = { 
/**
 * The workspace's name, when it is known.
 */
workspace: string | null, 
/**
 * The key's last four characters.
 */
last4: string, 
/**
 * Whose it is: `the OrgX wizard`.
 */
from: string, };

/**
 * The tray's base shapes.
 */
export type Glyph = "signed-out" | "connecting" | "ready" | "running" | "paused";

/**
 * The header: the same words as the tray's.
 */
export type Header = { 
/**
 * The tray's shape.
 */
glyph: Glyph, 
/**
 * What lies over it.
 */
overlay: Overlay | null, 
/**
 * The state, from the list in `ui.md`. `{t}` in it stands for the time until `until`.
 */
title: string, 
/**
 * When the title's `{t}` is over.
 */
until: number | null, 
/**
 * The one button.
 */
act: Act | null, 
/**
 * Since when the connection is open.
 */
online_since: number | null, 
/**
 * The workspace's name, or its id.
 */
workspace: string | null, 
/**
 * Further facts in order of weight, each whole: `1 run goes on`.
 */
facts: Array<string>, };

/**
 * The facts behind the header.
 */
export type HealthFacts = { 
/**
 * OrgX's host.
 */
host: string, 
/**
 * Is the socket open?
 */
connected: boolean, 
/**
 * The connection, in a sentence.
 */
connection: string, 
/**
 * The last round trip.
 */
round_trip_ms: number | null, 
/**
 * When OrgX was last heard.
 */
heard_at: number | null, 
/**
 * Tries that failed since it was last open.
 */
tries: number, 
/**
 * `unknown`, `active`, `degraded` or `revoked`.
 */
license: string, 
/**
 * Is OpenCode there, or can it be started?
 */
opencode_ok: boolean, 
/**
 * OpenCode's version.
 */
opencode_version: string | null, 
/**
 * Its dialect and address, or why there is none.
 */
opencode_words: string, 
/**
 * Claude Code's version, or `found`, `off`, `signed_out`; `None` when it is not there.
 */
claude: string | null, 
/**
 * Skill rules in use.
 */
rules: number, 
/**
 * Skill rules that are not, and why.
 */
skipped_rules: Array<string>, 
/**
 * Since midnight: runs that completed.
 */
done: number, 
/**
 * Since midnight: runs that failed.
 */
failed: number, 
/**
 * Since midnight: tokens.
 */
tokens: number, 
/**
 * Since midnight: US cents, when an agent said.
 */
cost_cents: number | null, 
/**
 * Receipts that OrgX has.
 */
receipts_delivered: number, 
/**
 * Receipts that it does not have yet.
 */
receipts_waiting: number, 
/**
 * Frames that OrgX has not confirmed.
 */
unconfirmed: number, 
/**
 * What a person should know, newest last.
 */
warnings: Array<string>, };

/**
 * Something that waits for the person.
 */
export type Need = { 
/**
 * Names it in `answer`.
 */
id: string, 
/**
 * The run that waits.
 */
run_id: string, 
/**
 * The run's title.
 */
title: string, 
/**
 * One line for the strip: `work in ~/code/x`.
 */
line: string, 
/**
 * What is asked.
 */
what: NeedWhat, 
/**
 * The folder that the run works in, or would; whole.
 */
folder: string | null, 
/**
 * Who asks, for people: `OpenCode`.
 */
agent: string, 
/**
 * The subagent that asks.
 */
by: string | null, 
/**
 * Can it be answered in OrgX, too?
 */
remote: boolean, 
/**
 * Since when.
 */
since: number, 
/**
 * When it is denied unanswered.
 */
lapses_at: number, };

/**
 * What is asked of the person.
 */
export type NeedWhat = { "ask": "folder" } | { "ask": "dirty", 
/**
 * The commit, cut short.
 */
commit: string | null, 
/**
 * Files that differ from it.
 */
changes: number, } | { "ask": "permission", 
/**
 * What kind of thing, in the agent's word: `bash`, `edit`, `webfetch`.
 */
kind: string, 
/**
 * The whole command line, for `bash`.
 */
command: string | null, 
/**
 * The file, for `edit`.
 */
file: string | null, 
/**
 * Lines added, for `edit`.
 */
added: number | null, 
/**
 * Lines removed, for `edit`.
 */
removed: number | null, 
/**
 * What exactly, as the agent's rules see it: what "for this run" holds for.
 */
patterns: Array<string>, } | { "ask": "questions", 
/**
 * In their order.
 */
questions: Array<Question>, } | { "ask": "budget", 
/**
 * `tokens`, `cents` or `minutes`.
 */
limit: string, 
/**
 * Is it the day's limit, and not the task's?
 */
day: boolean, 
/**
 * The limit.
 */
most: number, 
/**
 * What is used.
 */
used: number, } | { "ask": "unknown" };

/**
 * What happened, what it means, what to do.
 */
export type Notice = { 
/**
 * Stable: a health code, or `keychain_locked` and its like.
 */
code: string, 
/**
 * Does nothing go on until somebody acts?
 */
bad: boolean, 
/**
 * What happened.
 */
title: string, 
/**
 * What it means.
 */
text: string, 
/**
 * The one thing to do.
 */
action: NoticeAction | null, 
/**
 * Another way, as a link.
 */
other: NoticeAction | null, };

/**
 * A button of a notice.
 */
export type NoticeAction = { 
/**
 * What the button says.
 */
label: string, 
/**
 * What it does: the `do_action` command takes it.
 */
action: Action, };

/**
 * Notifications by kind.
 */
export type Notifications = { 
/**
 * An agent needs the person.
 */
needs_you: boolean, 
/**
 * A skill rule is broken.
 */
deviations: boolean, 
/**
 * A run failed.
 */
run_failed: boolean, 
/**
 * Offline for ten minutes.
 */
offline: boolean, 
/**
 * The license was revoked.
 */
license: boolean, };

/**
 * The outbox.
 */
export type OutboxFacts = { 
/**
 * Is it written?
 */
on: boolean, 
/**
 * Where it is.
 */
path: string, 
/**
 * Its size, in bytes.
 */
bytes: number, 
/**
 * Lines since midnight.
 */
today: number, 
/**
 * When the newest line was written.
 */
last_at: number | null, 
/**
 * Its kind.
 */
last_kind: string | null, 
/**
 * What is wrong now.
 */
trouble: string | null, };

/**
 * What lies over the base shape.
 */
export type Overlay = "needs-you" | "error";

/**
 * A page.
 */
export type Page = { "page": "health" } | { "page": "runs" } | { "page": "run", 
/**
 * Its id.
 */
run_id: string, } | { "page": "receipts" } | { "page": "sessions" } | { "page": "outbox" } | { "page": "settings" } | { "page": "need", 
/**
 * Its id.
 */
id: string, } | { "page": "rules" };

/**
 * What the person says to one question.
 */
export type Picked = { 
/**
 * Which of the choices, from 0: their words are cut and masked where they are shown, and the agent needs them as
 * they are.
 */
choices: Array<number>, 
/**
 * Words of their own.
 */
other: string | null, };

/**
 * One question.
 */
export type Question = { 
/**
 * The question.
 */
text: string, 
/**
 * What there is to choose from.
 */
choices: Array<Choice>, 
/**
 * May several be chosen?
 */
multiple: boolean, 
/**
 * May the person answer in words of their own?
 */
free: boolean, };

/**
 * How to quit: the `quit` command takes it.
 */
export type Quit = "stay" | "finish" | "cancel";

/**
 * A receipt.
 */
export type Receipt = { 
/**
 * Its run.
 */
run_id: string, 
/**
 * The run's title, as in [`Run`].
 */
title: string, 
/**
 * `completed`, `failed` or `cancelled`.
 */
outcome: string, 
/**
 * Tokens.
 */
tokens: number | null, 
/**
 * US cents.
 */
cost_cents: number | null, 
/**
 * When the run ended.
 */
ended_at: number | null, 
/**
 * `delivered`, `waiting`, `refused`, `not_taken` or `local`.
 */
state: string, 
/**
 * Why it waits, or was refused.
 */
why: string | null, 
/**
 * How often it was posted.
 */
tries: number, 
/**
 * When it is posted next.
 */
next_at: number | null, };

/**
 * A run.
 */
export type Run = { 
/**
 * Its id.
 */
run_id: string, 
/**
 * Its title; of a run before the last restart its folder's name, or its short id.
 */
title: string, 
/**
 * `needs_you`, `queued`, `starting`, `running`, `cancelling`, `completed`, `failed`, `cancelled`.
 */
state: string, 
/**
 * Is it the person's own, which OrgX never hears of?
 */
local: boolean, 
/**
 * Its folder, whole.
 */
folder: string | null, 
/**
 * The driver, for people: `OpenCode`.
 */
driver: string | null, 
/**
 * When its dispatch came.
 */
arrived_at: number | null, 
/**
 * When its agent was ready.
 */
started_at: number | null, 
/**
 * When it ended.
 */
ended_at: number | null, 
/**
 * Tokens.
 */
tokens: number | null, 
/**
 * US cents.
 */
cost_cents: number | null, 
/**
 * Steps.
 */
steps: number, 
/**
 * Deviations.
 */
deviations: number, 
/**
 * The newest step.
 */
last_step: string | null, 
/**
 * Its place in the queue, from 1.
 */
place: number | null, 
/**
 * Why it did not complete.
 */
reason: string | null, };

/**
 * A run's page.
 */
export type RunPage = { 
/**
 * The run.
 */
run: Run, 
/**
 * Steps and deviations in order.
 */
line: Array<Entry>, 
/**
 * Earlier steps that are not in memory any more.
 */
steps_before: number, 
/**
 * Its receipt.
 */
receipt: Receipt | null, 
/**
 * What its folder looked like before it.
 */
before: Before | null, 
/**
 * Were its changes taken back?
 */
undone: boolean, 
/**
 * Can its changes be taken back, or, when they were, done again?
 */
can_undo: boolean, 
/**
 * Can its session be opened in OpenCode?
 */
can_open: boolean, 
/**
 * Is it still being read?
 */
loading: boolean, 
/**
 * Why it could not be read.
 */
error: string | null, };

/**
 * Runs.
 */
export type Runs = { 
/**
 * Those that have not ended, oldest first.
 */
now: Array<Run>, 
/**
 * Those that have, newest first.
 */
earlier: Array<Run>, 
/**
 * Runs that may be under way at once.
 */
places: number, 
/**
 * Is the list still being read?
 */
loading: boolean, 
/**
 * Why it could not be read.
 */
error: string | null, };

/**
 * What the person says: the `answer` command takes it.
 */
export type Say = { "say": "allow" } | { "say": "allow_folder" } | { "say": "allow_for_run" } | { "say": "deny", 
/**
 * Why, for the agent to read.
 */
reason: string | null, } | { "say": "answers", 
/**
 * One for each.
 */
answers: Array<Picked>, };

/**
 * Which part of the app.
 */
export type Screen = "loading" | "sign_in" | "setup" | "main";

/**
 * One session.
 */
export type Session = { 
/**
 * OpenCode's id of it.
 */
id: string, 
/**
 * Its title.
 */
title: string, 
/**
 * `active`, `waiting_input`, `blocked`, `ready`, `idle` or `exited`.
 */
state: string, 
/**
 * The folder it works in, whole.
 */
folder: string, 
/**
 * Is it a subagent's, whose parent stands before it?
 */
child: boolean, 
/**
 * The subagent's name, of a child.
 */
agent: string | null, 
/**
 * The model, without its provider.
 */
model: string | null, 
/**
 * Why it is blocked.
 */
why: string | null, 
/**
 * Tokens.
 */
tokens: number, 
/**
 * US cents; `None` when OpenCode counted none.
 */
cost_cents: number | null, 
/**
 * When something last happened in it.
 */
updated_at: number, 
/**
 * The run of ours that it is.
 */
run_id: string | null, 
/**
 * What Resume copies, as it is shown; `None` where it cannot be opened.
 */
command: string | null, };

/**
 * The sessions.
 */
export type Sessions = { 
/**
 * Newest activity first; a subagent's stands behind its parent's.
 */
list: Array<Session>, 
/**
 * How many there are: the list may hold fewer.
 */
count: number, 
/**
 * Tokens of all of them.
 */
tokens: number, 
/**
 * US cents of all of them; `None` when OpenCode counted none.
 */
cost_cents: number | null, 
/**
 * Are they still being read?
 */
loading: boolean, 
/**
 * Of when the list is, when it could not be read again.
 */
as_of: number | null, 
/**
 * Why some or all cannot be shown, in a sentence.
 */
trouble: string | null, };

/**
 * A change of one setting: the `set` command takes it.
 */
export type Setting = { "setting": "autostart", "value": boolean } | { "setting": "notifications", "value": Notifications } | { "setting": "mute_rule", "value": string } | { "setting": "unmute_rule", "value": string } | { "setting": "start_opencode", "value": boolean } | { "setting": "outbox", "value": boolean } | { "setting": "presence", "value": boolean } | { "setting": "concurrent", "value": number } | { "setting": "remote_attention", "value": boolean } | { "setting": "ask_before_commands", "value": boolean } | { "setting": "ask_when_dirty", "value": boolean } | { "setting": "keep_awake", "value": boolean } | { "setting": "run_budget", "value": Budget } | { "setting": "day_budget", "value": Budget } | { "setting": "add_folder", "value": string } | { "setting": "remove_folder", "value": string } | { "setting": "any_folder", "value": boolean } | { "setting": "workspace", "value": string };

/**
 * Settings. What is `None` has no effect here, and is not shown.
 */
export type Settings = { 
/**
 * Start at login.
 */
autostart: boolean | null, 
/**
 * Notifications by kind.
 */
notifications: Notifications | null, 
/**
 * Rules whose deviations notify nobody.
 */
muted_rules: Array<string>, 
/**
 * Start OpenCode when a task needs it.
 */
start_opencode: boolean | null, 
/**
 * The outbox.
 */
outbox: boolean | null, 
/**
 * Presence.
 */
presence: boolean | null, 
/**
 * Runs at once.
 */
concurrent: number | null, 
/**
 * Are agents' questions shown in OrgX, too?
 */
remote_attention: boolean | null, 
/**
 * Is the person asked before an agent runs a command?
 */
ask_before_commands: boolean | null, 
/**
 * Does a task wait for the person whose folder has uncommitted changes?
 */
ask_when_dirty: boolean | null, 
/**
 * Is the computer kept awake while a task runs?
 */
keep_awake: boolean | null, 
/**
 * What a task may use before the person is asked.
 */
run_budget: Budget | null, 
/**
 * What all tasks of a day may use.
 */
day_budget: Budget | null, 
/**
 * Where agents may work; empty: anywhere.
 */
folders: Array<string>, 
/**
 * The workspace's name, or its id.
 */
workspace: string | null, 
/**
 * The key's last four characters.
 */
key_last4: string | null, 
/**
 * Where the key is: `keychain`, `memory`, `file` or `environment`.
 */
key_place: string | null, 
/**
 * The folder of the logs.
 */
logs: string, 
/**
 * Settings that the environment fixes: shown, and not to be changed here. `workspace`, `base_url`,
 * `start_opencode`.
 */
fixed: Array<string>, 
/**
 * What was wrong with what was entered last.
 */
error: string | null, };

/**
 * First run, after sign-in.
 */
export type Setup = { 
/**
 * Workspaces that OrgX lists; empty: an id is to be typed.
 */
workspaces: Array<Workspace>, 
/**
 * The chosen one's id.
 */
workspace_id: string | null, 
/**
 * Is the list still being fetched?
 */
listing: boolean, 
/**
 * Where agents may work.
 */
folders: Array<string>, 
/**
 * May they work anywhere?
 */
any_folder: boolean, 
/**
 * Start at login?
 */
autostart: boolean, 
/**
 * Notifications?
 */
notifications: boolean, 
/**
 * What was wrong with what was entered last.
 */
error: string | null, 
/**
 * The page of the first run: 2 folders, 3 preferences, 4 done.
 */
page: number, };

/**
 * A question that somebody's quitting has raised.
 */
export type Sheet = { "sheet": "quit", 
/**
 * How many.
 */
runs: number, };

/**
 * Sign-in.
 */
export type SignIn = { 
/**
 * The host that the key goes to.
 */
host: string, 
/**
 * A sign-in found on this computer.
 */
found: FoundSignIn | null, 
/**
 * Where it stands.
 */
step: SignInStep, 
/**
 * Is a sign-out possible, because somebody is signed in?
 */
signed_in: boolean, 
/**
 * Did the person sign out here (and not: never sign in)?
 */
signed_out: boolean, };

/**
 * Where a sign-in stands.
 */
export type SignInStep = { "step": "choose" } | { "step": "paste", 
/**
 * What was wrong with the last one.
 */
error: string | null, } | { "step": "checking", 
/**
 * What is being done: `Asking OrgX`.
 */
words: string, } | { "step": "pair_starting" } | { "step": "pairing", 
/**
 * The short id that the page shows, too.
 */
code: string, 
/**
 * The host of the page.
 */
host: string, 
/**
 * When it lapses.
 */
expires_at: number, 
/**
 * How long it is valid in all.
 */
lasts: number, } | { "step": "ended", 
/**
 * What happened, what it means, what to do.
 */
notice: Notice, 
/**
 * Which way it was, so that it can be tried again.
 */
way: Way, } | { "step": "keychain", 
/**
 * What happened: its actions are `RetryKeychain` and `KeyInMemory`.
 */
notice: Notice, 
/**
 * The file that `keep_key` would put it into.
 */
file: string, };

/**
 * A test task.
 */
export type TestTask = { 
/**
 * Who runs it: `OpenCode 1.18.33, on a scripted model`, or the stand-in and why.
 */
agent: string, 
/**
 * Its run, once it has begun.
 */
run: RunPage | null, 
/**
 * Why it came to nothing.
 */
error: string | null, 
/**
 * Is it over?
 */
over: boolean, };

/**
 * A way to sign in.
 */
export type Way = "found" | "browser" | "paste";

/**
 * Everything.
 */
export type WindowState = { 
/**
 * The program's version.
 */
version: string, 
/**
 * The home folder, so that pages can write `~`.
 */
home: string, 
/**
 * Which part of the app this is.
 */
screen: Screen, 
/**
 * The page to show; the page shown follows it whenever `goto` grows.
 */
page: Page, 
/**
 * Grows with each request from outside (tray, notification, second start) to show `page`.
 */
goto: number, 
/**
 * The header.
 */
header: Header, 
/**
 * Is this the built-in sandbox?
 */
sandbox: boolean, 
/**
 * Does the peer run in another process, to which this window is only attached?
 */
attached: boolean, 
/**
 * The root cause of what is wrong.
 */
notice: Notice | null, 
/**
 * What follows from it, or is wrong besides, each in a sentence.
 */
also: Array<string>, 
/**
 * What waits for the person, oldest first.
 */
needs: Array<Need>, 
/**
 * Sign-in.
 */
sign_in: SignIn, 
/**
 * First run, after sign-in.
 */
setup: Setup, 
/**
 * The test task, while one is under way or just over.
 */
test: TestTask | null, 
/**
 * The facts behind the header.
 */
health: HealthFacts, 
/**
 * Runs.
 */
runs: Runs, 
/**
 * The run whose page is open.
 */
run: RunPage | null, 
/**
 * Receipts, newest first.
 */
receipts: Array<Receipt>, 
/**
 * The sessions of OpenCode, as far as they were read for their page.
 */
sessions: Sessions, 
/**
 * The outbox.
 */
outbox: OutboxFacts, 
/**
 * Settings.
 */
settings: Settings, 
/**
 * A question that somebody's quitting has raised.
 */
sheet: Sheet | null, };

/**
 * A workspace at OrgX.
 */
export type Workspace = { 
/**
 * Its id.
 */
id: string, 
/**
 * Its name.
 */
name: string, };
