DROP TABLE "turns", "sessions", "profiles", "onboarding_states", "users";
