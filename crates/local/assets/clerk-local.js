// Keeps the session cookie of a page fresh and signs out, as ClerkJS does.
// For development: it comes from the stand-in for Clerk and talks to nobody else.
(() => {
  const api = new URL(document.currentScript.src).origin;
  const post = (path) => fetch(api + path, { method: "POST", credentials: "include" });

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

  const refresh = async () => {
    const id = sessionId();
    if (!id || document.hidden) return;
    const answer = await post(`/v1/client/sessions/${encodeURIComponent(id)}/tokens`);
    if (answer.ok) {
      setCookie((await answer.json()).jwt, 365 * 24 * 60 * 60);
    } else if (answer.status === 404) {
      setCookie("", 0);
    }
  };

  const signOut = async (way) => {
    try {
      await post("/sign-out");
    } finally {
      setCookie("", 0);
      location.assign(way || "/");
    }
  };

  // While the stand-in is away the page keeps what it has.
  const tryRefresh = () => refresh().catch(() => {});

  tryRefresh();
  setInterval(tryRefresh, 50_000);
  document.addEventListener("visibilitychange", tryRefresh);
  document.addEventListener("click", (event) => {
    const element = event.target.closest("[data-clerk-sign-out]");
    if (element) {
      event.preventDefault();
      signOut(element.dataset.clerkSignOut);
    }
  });
})();
