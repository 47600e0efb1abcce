//! What no program can see from here. Never counted as passed.

use crate::doctor::rule::ForPeople;

/// Items of the guide's checklist and of Clerk's guidance that need a person.
pub(in crate::doctor) const FOR_PEOPLE: &[ForPeople] = &[
    ForPeople {
        title: "Production keys live in a secrets manager",
        look_at: "where the server's environment comes from, who can read it, and that no copy is on a laptop",
        asvs: "13.3.1",
        source: "guide, checklist",
    },
    ForPeople {
        title: "Keys are rotated, with overlap, one for each consumer",
        look_at: "API keys in the Clerk dashboard: names, ages, and a date in the calendar",
        asvs: "13.3.4",
        source: "Clerk, rotating API keys",
    },
    ForPeople {
        title: "Every sensitive route is classified",
        look_at: "the policy: Gate::explain tells what decides about a route, Policy::coverage lists them all",
        asvs: "8.2.1",
        source: "guide, checklist; Clerk, protecting content",
    },
    ForPeople {
        title: "Handlers check rights on objects",
        look_at: "each handler that takes an id: whether this user may see that invoice",
        asvs: "8.2.2",
        source: "Clerk, protecting content",
    },
    ForPeople {
        title: "Checks ask for permissions rather than roles, features rather than plans",
        look_at: "the requirements in the policy, and that system permissions are not read from tokens",
        asvs: "8.2.1",
        source: "Clerk, authorization checks",
    },
    ForPeople {
        title: "Session timeouts are set",
        look_at: "Sessions in the Clerk dashboard: maximum lifetime and inactivity timeout",
        asvs: "7.3.1, 7.3.2",
        source: "guide, checklist; Clerk, session options",
    },
    ForPeople {
        title: "Sensitive actions ask for a factor again",
        look_at: "routes for money, rights and account data: they are sensitive, or have Requirement::reverified",
        asvs: "7.5.3",
        source: "guide, step 5; Clerk, reverification",
    },
    ForPeople {
        title: "Somebody who acts in a user's place is recognised",
        look_at: "who may impersonate in the Clerk dashboard, and the audit trail of a sensitive route",
        asvs: "16.3.2",
        source: "Clerk, impersonation",
    },
    ForPeople {
        title: "Access to sensitive routes is recorded, and somebody reads it",
        look_at: "where the audit events go, how long they stay, and which of them alert",
        asvs: "16.3.2",
        source: "guide, step 2",
    },
    ForPeople {
        title: "GET changes nothing",
        look_at: "handlers of GET routes: browsers send cookies along with links from other sites",
        asvs: "3.5.3",
        source: "Clerk, CSRF protection",
    },
    ForPeople {
        title: "Tokens are not kept in localStorage",
        look_at: "the front end: Clerk's SDK keeps them where they belong, copies are the mistake",
        asvs: "14.3.3",
        source: "Clerk, XSS leak protection",
    },
    ForPeople {
        title: "Only listed subdomains may use the instance",
        look_at: "Domains in the Clerk dashboard: allowed subdomains",
        asvs: "3.5.4",
        source: "Clerk, subdomain allowlist",
    },
    ForPeople {
        title: "The proxy overwrites forwarded headers",
        look_at: "its configuration: X-Forwarded-Proto, -Host and -For are set, not appended to",
        asvs: "4.1.3",
        source: "Clerk, deploying behind a proxy; Clerk, proxying the Frontend API",
    },
    ForPeople {
        title: "Test mode is off, and social providers have credentials of their own",
        look_at: "Settings and SSO connections of the production instance",
        asvs: "13.4.2",
        source: "Clerk, deploying to production; Clerk, test emails and phones",
    },
    ForPeople {
        title: "Accounts are defended: lockout, passwords, enumeration, bots",
        look_at: "Attack protection, and User & authentication, in the Clerk dashboard",
        asvs: "6.3.1",
        source: "Clerk, securing your app",
    },
    ForPeople {
        title: "DNS says what it should",
        look_at: "the CNAMEs of the Clerk dashboard, \"DNS only\" behind Cloudflare, and CAA records",
        asvs: "12.2.2",
        source: "Clerk, deploying to production",
    },
    ForPeople {
        title: "Webhook handlers can run twice and in any order",
        look_at: "each handler: it compares updated_at, and a second run changes nothing",
        asvs: "2.3.3",
        source: "Clerk, webhooks",
    },
    ForPeople {
        title: "Machine tokens are checked for type, scope and claims",
        look_at: "routes for API keys, M2M and OAuth tokens, which the gate refuses; JWTs among them cannot be revoked",
        asvs: "9.2.2",
        source: "Clerk, verifying API keys; Clerk, token formats",
    },
    ForPeople {
        title: "Checks in the browser only hide things",
        look_at: "what the front end shows by role: the server refuses the same requests",
        asvs: "8.3.1",
        source: "Clerk, authorization checks",
    },
    ForPeople {
        title: "Sessions with unfinished tasks are refused",
        look_at: "servers without the gate, which refuses them: status pending in the token",
        asvs: "7.2.1",
        source: "Clerk, session tasks",
    },
    ForPeople {
        title: "A session of your own ends with Clerk's",
        look_at: "cookies that the application sets itself: signing in or out replaces them",
        asvs: "7.2.4",
        source: "Clerk, fixation protection",
    },
    ForPeople {
        title: "E-mail links open in the browser that asked for them",
        look_at: "Email in the Clerk dashboard: require the same device and browser",
        asvs: "",
        source: "Clerk, protecting e-mail links",
    },
    ForPeople {
        title: "Satellite domains say where redirects may lead",
        look_at: "allowedRedirectOrigins of the primary domain, where there are satellites",
        asvs: "3.7.2",
        source: "Clerk, satellite domains",
    },
    ForPeople {
        title: "Deliveries are bounded in size and answered in time",
        look_at: "webhook endpoints without the gate, which reads 256 KiB at most; handlers end within 15 seconds",
        asvs: "",
        source: "Clerk, webhooks",
    },
    ForPeople {
        title: "Calls to Clerk's API wait when told to",
        look_at: "code that calls it: 429 is answered by waiting as long as Retry-After says",
        asvs: "13.2.6",
        source: "Clerk, system limits",
    },
];
