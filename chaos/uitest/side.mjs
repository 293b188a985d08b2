// A Side is one server with a page of the web UI: what steps are made of.

export const ACT_TIMEOUT = 120_000; // one click, until what it is on is there
const POLL = 250;

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// plain takes off what costs a processor without a graphics card most of its time.
function plain() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`*, *::before, *::after {
    animation: none !important; transition: none !important; mask: none !important;
    filter: none !important; backdrop-filter: none !important; box-shadow: none !important;
  }`);
  document.adoptedStyleSheets = [sheet];
}

// follow goes to a path as a link inside the web UI does, without loading all of it again.
function follow(path) {
  const state = { usr: null, key: crypto.randomUUID(), idx: (history.state?.idx ?? 0) + 1 };
  history.pushState(state, '', path);
  dispatchEvent(new PopStateEvent('popstate', { state }));
}

export class Side {
  constructor(given) {
    Object.assign(this, given);
    this.kept = {}; // invocations by name, and whatever steps leave to later ones
    this.forget();
  }

  forget() {
    this.failed = []; // requests that were answered by an error
    this.errors = []; // what went wrong in the page
  }

  async open(browser) {
    const context = await browser.newContext({
      viewport: { width: 1400, height: 900 },
      reducedMotion: 'reduce',
    });
    context.setDefaultTimeout(ACT_TIMEOUT);
    await context.addInitScript(plain);
    const page = (this.page = await context.newPage());
    this.main = page.getByRole('main');
    this.dialog = page.getByRole('dialog').last();
    page.on('pageerror', (e) => this.errors.push(`the page threw ${e}`));
    page.on('console', (m) => {
      // A failed request is known with its status already.
      if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) {
        this.errors.push(`the page logged ${m.text()}`);
      }
    });
    page.on('requestfailed', (r) => {
      const why = r.failure()?.errorText;
      if (why !== 'net::ERR_ABORTED') this.errors.push(`${r.method()} ${r.url()} failed: ${why}`);
    });
    page.on('response', (r) => {
      const { pathname } = new URL(r.url());
      const what = `${r.request().method()} ${this.normal(pathname)}`;
      if (r.status() >= 400) this.failed.push(`${what}: ${r.status()}`);
      if (/^\/ui\/.*\.(js|css|woff2)$/.test(pathname) && /html/.test(r.headers()['content-type'])) {
        this.failed.push(`${what}: HTML`);
      }
    });
    await this.load();
  }

  // load loads the web UI, from where people would first go.
  async load() {
    await this.page.goto(`${this.admin}/`, { waitUntil: 'commit' });
  }

  // go follows a link to a page and waits until it shows each of some things: texts, or places.
  async go(path, ...things) {
    await this.page.evaluate(follow, `/ui/${path}`);
    await this.see(...things);
  }

  // see waits until the page shows some things outside of its menu: texts, or places.
  async see(...things) {
    for (const thing of things) {
      const place =
        typeof thing === 'string' || thing instanceof RegExp ? this.main.getByText(thing) : thing;
      await place.first().waitFor();
    }
  }

  async click(role, name, within = this.page) {
    await within.getByRole(role, { name, exact: typeof name === 'string' }).first().click();
  }

  // confirm presses a button of the dialog that is open, and waits until it closes.
  async confirm(name) {
    const dialog = this.dialog;
    await this.click('button', name, dialog);
    await dialog.waitFor({ state: 'hidden' });
  }

  // rows waits until the list of invocations has so many rows.
  async rows(count) {
    const list = this.page.getByRole('grid', { name: 'Invocations', exact: true });
    // An empty list has a row as well, which says so.
    const rows = list.getByRole('rowheader').filter({ has: this.page.getByRole('link') });
    await this.eventually('rows', () => rows.count(), count);
  }

  // all lists all invocations. What is done to the list before it is there would be undone.
  async all() {
    await this.click('link', 'All');
    const [{ n }] = await this.query('SELECT count(*) AS n FROM sys_invocation');
    await this.see(new RegExp(`^${n} invocations as of`));
  }

  // filter has the list of invocations show only those in which what is value.
  async filter(what, value) {
    await this.page.getByRole('combobox', { name: 'Filters' }).click();
    await this.page.keyboard.type(what);
    await this.click('option', what);
    await this.click('menuitemcheckbox', value);
    await this.click('button', 'Done', this.dialog);
    await this.click('button', /^Query/);
  }

  // invocation opens the page of an invocation that was kept under a name.
  async invocation(name, ...things) {
    const id = this.kept[name];
    const crumbs = this.page.getByRole('navigation', { name: 'Breadcrumb' });
    await this.go(`invocations/${id}`, crumbs.getByText(id), ...things);
  }

  // send has a handler do something, and returns the ID of the invocation.
  async send(path, body) {
    return (await this.call(`${path}/send`, body)).invocationId;
  }

  async call(path, body) {
    return this.post(`${this.ingress}/${path}`, JSON.stringify(body));
  }

  async post(url, body) {
    const headers = { accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    const response = await fetch(url, { method: 'POST', headers, body });
    const text = await response.text();
    if (!response.ok) throw new Error(`POST ${url}: ${response.status}: ${text}`);
    return JSON.parse(text);
  }

  async query(sql) {
    return (await this.post(`${this.admin}/query`, JSON.stringify({ query: sql }))).rows;
  }

  // until polls a query until its rows are as wanted.
  async until(sql, want) {
    await this.eventually(sql, () => this.query(sql), want);
  }

  // outcomes waits until the invocations that a condition selects are as wanted, each in a few words.
  async outcomes(condition, want) {
    const sql = `SELECT status, completion_failure FROM sys_invocation WHERE ${condition}`;
    const words = ({ status, completion_failure: failure }) => (failure ? `${status} ${failure}` : status);
    await this.eventually(sql, async () => (await this.query(sql)).map(words).sort(), want.toSorted());
  }

  async eventually(what, ask, want) {
    const end = Date.now() + ACT_TIMEOUT;
    for (let got; ; await pause(POLL)) {
      got = JSON.stringify(await ask());
      if (got === JSON.stringify(want)) return;
      if (Date.now() > end) throw new Error(`${what}: ${got}, not ${JSON.stringify(want)}`);
    }
  }

  // normal replaces what differs from server to server and from run to run.
  normal(text) {
    return text
      .replaceAll(this.admin, '<admin>')
      .replaceAll(this.ingress, '<ingress>')
      .replaceAll(this.services, '<services>')
      .replace(/\b(inv|dp|sub|prom|sign)_1[0-9A-Za-z_-]*(…\w+)?/g, '<$1>')
      .replace(/\w{3} \d{1,2}, \d{4}/g, '<date>')
      .replace(/\d{1,2}:\d\d:\d\d(\.\d+)?( [AP]M)?( UTC)?/g, '<time>')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
      .replace(/\b\d+(\.\d+)?(ms|s|m|h|d)( \d+(ms|s|m|h|d))*\b/g, '<span>');
  }

  // text is what the page shows, line by line and sorted, without the lines that match except.
  async text(except = /^$/) {
    const lines = this.normal(await this.page.evaluate(() => document.body.innerText)).split('\n');
    return lines
      .map((line) => line.trim())
      // The scale of a time line and what lies on it; the idempotency key that only the reference
      // server gives to calls without one.
      .filter((line) => !/^([+-]?<span>…?|Idempotency key|[0-9A-Z]{26}|)$/.test(line))
      .filter((line) => !except.test(line))
      .sort();
  }
}
