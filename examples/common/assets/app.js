// Sends what the buttons say and shows what came of it. Where the gate demands that a factor was
// shown lately, asks for it and tries again.
const result = document.getElementById("result");

const post = async (path) => {
  const answer = await fetch(path, { method: "POST" });
  return { status: answer.status, ok: answer.ok, body: await answer.json().catch(() => ({})) };
};

// Clerk's presets, by the factor that they ask for.
const LEVELS = {
  strict_mfa: "multi_factor",
  strict: "second_factor",
  moderate: "second_factor",
  lax: "second_factor",
};

// Opens Clerk's prompt, or the stand-in's. With React, `useReverification` does this and the
// second attempt below.
const reverify = (demand) =>
  new Promise((done) => {
    window.Clerk.__internal_openReverification({
      level: LEVELS[demand] ?? demand.level,
      afterVerification: () => done(true),
      afterVerificationCancelled: () => done(false),
    });
  });

const act = async (path) => {
  const answer = await post(path);
  const demand = answer.body.clerk_error?.metadata?.reverification;
  if (!demand || !(await reverify(demand))) return answer;
  // The session token says when a factor was shown; only a new one says that it was just now.
  await window.Clerk.session.getToken({ skipCache: true });
  return post(path);
};

// The gate refuses the tokens in use from now on. At Clerk the sessions would go on, and get new
// ones: end them there as well, this browser's last.
const endSessions = async () => {
  const sessions = await window.Clerk.user.getSessions();
  const others = sessions.filter((session) => session.id !== window.Clerk.session.id);
  await Promise.all(others.map((session) => session.revoke()));
  await window.Clerk.signOut({ redirectUrl: "/" });
};

const press = async (button) => {
  result.textContent = "…";
  try {
    const answer = await act(button.dataset.post);
    result.textContent = `${answer.status} ${JSON.stringify(answer.body)}`;
    if (answer.ok && "endsSessions" in button.dataset) await endSessions();
  } catch (error) {
    result.textContent = `No answer: ${error.message}`;
  }
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-post]");
  if (button) press(button);
});
