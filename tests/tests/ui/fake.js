// The shell, as far as a page can see it: answers are given beforehand, calls are written down, the clock stands.
(() => {
  const Real = Date;
  class Standing extends Real {
    constructor(...parts) { super(...(parts.length === 0 ? [fake.now] : parts)); }
    static now() { return fake.now; }
  }
  window.Date = Standing;
  const listeners = [];
  const fake = {
    now: __NOW__, state: __STATE__, calls: [], violations: [], errors: [],
    // By command: { fail: Failure }, or { never: true }.
    answers: {},
    tell(change) {
      fake.state = { ...fake.state, ...change };
      // As it comes over the wire: nothing is shared with what is shown.
      for (const on of listeners) on({ payload: structuredClone(fake.state) });
    },
  };
  window.fake = fake;
  window.__TAURI__ = {
    core: {
      invoke(name, args) {
        fake.calls.push([name, args ?? {}]);
        const answer = fake.answers[name];
        if (answer?.never) return new Promise(() => {});
        if (answer?.fail) return Promise.reject(answer.fail);
        return Promise.resolve(name === 'ready' ? structuredClone(fake.state) : null);
      },
    },
    event: { listen(_name, on) { listeners.push(on); return Promise.resolve(() => {}); } },
  };
  document.addEventListener('securitypolicyviolation', (event) => fake.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  window.addEventListener('error', (event) => fake.errors.push(String(event.message)));
  window.addEventListener('unhandledrejection', (event) => fake.errors.push(String(event.reason)));
})();
