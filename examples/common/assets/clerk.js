// Mounts Clerk's components where the pages have a place for them, and signs out.
window.addEventListener("load", async () => {
  const { Clerk } = window;
  if (!Clerk) {
    document.querySelector("main").append("Clerk's script could not be loaded.");
    return;
  }
  await Clerk.load();

  const signIn = document.getElementById("sign-in");
  if (signIn) Clerk.mountSignIn(signIn, { signUpUrl: "/sign-up", fallbackRedirectUrl: "/dashboard" });
  const signUp = document.getElementById("sign-up");
  if (signUp) Clerk.mountSignUp(signUp, { signInUrl: "/sign-in", fallbackRedirectUrl: "/dashboard" });

  document.addEventListener("click", (event) => {
    const element = event.target.closest("[data-clerk-sign-out]");
    if (element) Clerk.signOut({ redirectUrl: element.dataset.clerkSignOut });
  });
});
