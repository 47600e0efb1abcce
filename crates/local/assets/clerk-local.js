// Does what pages need of ClerkJS: keeps the session cookie fresh, signs out, lists and ends
// sessions, asks for a factor again. `window.Clerk` has the names that ClerkJS has.
// For development: it comes from the stand-in for Clerk and talks to nobody else.
(() => {
  const api = new URL(document.currentScript.src).origin;
  const ask = (method, path, body) => fetch(api + path, { method, body, credentials: "include" });

  const setCookie = (value, seconds) => {
    document.cookie = `__session=${value}; path=/; max-age=${seconds}; samesite=lax`;
  };

  // The token in the cookie names its session; expired or not, that is enough to ask for another.
  const sessionId = () => {
    const cookie = document.cookie.split("; ").find((own) => own.startsWith("__session="));
    try {
      const payload = cookie.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
      return JSON.parse(atob(payload)).sid;
    } catch {
      return undefined;
    }
  };

  const pathOf = (id) => `/v1/client/sessions/${encodeURIComponent(id)}`;

  const refresh = async () => {
    const id = sessionId();
    if (!id) return null;
    const answer = await ask("POST", `${pathOf(id)}/tokens`);
    if (answer.ok) {
      const token = (await answer.json()).jwt;
      setCookie(token, 365 * 24 * 60 * 60);
      return token;
    }
    if (answer.status === 404) setCookie("", 0);
    return null;
  };

  const signOut = async ({ redirectUrl = "/" } = {}) => {
    try {
      await ask("POST", "/sign-out");
    } finally {
      setCookie("", 0);
      location.assign(redirectUrl);
    }
  };

  const getSessions = async () => {
    const answer = await ask("GET", "/v1/me/sessions/active");
    const sessions = answer.ok ? await answer.json() : [];
    return sessions.map(({ id }) => ({
      id,
      revoke: () => ask("POST", `/v1/me/sessions/${encodeURIComponent(id)}/revoke`),
    }));
  };

  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  // A factor is one code here, that of Clerk's test users.
  const askForFactor = (factor) =>
    new Promise((done) => {
      const code = element("input", {
        id: "clerk-local-code",
        name: "code",
        inputMode: "numeric",
        autocomplete: "one-time-code",
        required: true,
      });
      const problem = element("p", { id: "clerk-local-problem" });
      problem.setAttribute("role", "alert");
      const cancel = element("button", { id: "clerk-local-cancel", type: "button" }, "Cancel");
      const form = element(
        "form",
        { id: "clerk-local-form" },
        element("h2", { id: "clerk-local-title" }, `Show your ${factor} factor`),
        element("p", {}, "The stand-in for Clerk takes the code 424242."),
        element("p", {}, element("label", { htmlFor: code.id }, "Code "), code),
        problem,
        element("button", { id: "clerk-local-confirm", type: "submit" }, "Confirm"),
        " ",
        cancel,
      );
      const dialog = element("dialog", { id: "clerk-local-dialog" }, form);
      dialog.setAttribute("aria-labelledby", "clerk-local-title");
      let shown = false;
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        const body = new URLSearchParams({ factor, code: code.value });
        const answer = await ask("POST", `${pathOf(sessionId())}/verify`, body).catch(() => null);
        shown = answer?.ok ?? false;
        if (shown) return dialog.close();
        const errors = answer && (await answer.json()).errors;
        problem.textContent = MESSAGES[errors?.[0].code] ?? "The stand-in does not answer.";
        code.select();
      });
      cancel.addEventListener("click", () => dialog.close());
      dialog.addEventListener("close", () => {
        dialog.remove();
        done(shown);
      });
      document.body.append(dialog);
      dialog.showModal();
    });

  const MESSAGES = {
    form_code_incorrect: "That is not the code.",
    no_second_factors: "This user has no second factor.",
    resource_not_found: "The session has ended. Sign in again.",
  };

  const openReverification = async ({ level, afterVerification, afterVerificationCancelled }) => {
    const factors = {
      first_factor: ["first"],
      second_factor: ["second"],
      multi_factor: ["first", "second"],
    };
    for (const factor of factors[level] ?? ["first"]) {
      if (!(await askForFactor(factor))) return afterVerificationCancelled?.();
    }
    await refresh();
    afterVerification?.();
  };

  window.Clerk = {
    load: async () => {},
    get session() {
      const id = sessionId();
      return id ? { id, getToken: refresh } : null;
    },
    user: { getSessions },
    signOut,
    __internal_openReverification: openReverification,
  };

  // While the stand-in is away the page keeps what it has.
  const tryRefresh = () => document.hidden || refresh().catch(() => {});

  tryRefresh();
  setInterval(tryRefresh, 50_000);
  document.addEventListener("visibilitychange", tryRefresh);
  document.addEventListener("click", (event) => {
    const element = event.target.closest("[data-clerk-sign-out]");
    if (element) {
      event.preventDefault();
      signOut({ redirectUrl: element.dataset.clerkSignOut });
    }
  });
})();
