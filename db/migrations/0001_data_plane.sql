-- Roles belong to the whole server: another database of it may make them at the same moment. They stay when this is undone.
DO $$ BEGIN CREATE ROLE parley_user NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;--> statement-breakpoint
DO $$ BEGIN CREATE ROLE parley_service NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"name" text NOT NULL,
	"prefix" text NOT NULL,
	"secret_hash" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone,
	"last_used_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "api_keys_secret_hash_unique" UNIQUE("secret_hash")
);
--> statement-breakpoint
ALTER TABLE "api_keys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "audit_log" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" text NOT NULL,
	"action" text NOT NULL,
	"subject_id" text
);
--> statement-breakpoint
ALTER TABLE "audit_log" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "consents" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"purpose" text NOT NULL,
	"granted" boolean NOT NULL,
	"policy_version" text NOT NULL,
	"decided_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "consents" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "devices" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"name" text NOT NULL,
	"platform" text NOT NULL,
	"push_token" text,
	"created_at" timestamp with time zone NOT NULL,
	"last_seen_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "devices" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "identities" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"subject" text NOT NULL,
	"subject_index" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"verified_at" timestamp with time zone,
	CONSTRAINT "identities_subject" UNIQUE("tenant_id","provider","subject_index")
);
--> statement-breakpoint
ALTER TABLE "identities" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "leases" (
	"session_id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"holder" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "leases" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "lexicon_entries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"pack" text NOT NULL,
	"spoken" text NOT NULL,
	"written" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "lexicon_entries" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "magic_links" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"secret_hash" text NOT NULL,
	"email" text NOT NULL,
	"email_index" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	CONSTRAINT "magic_links_secret_hash_unique" UNIQUE("secret_hash")
);
--> statement-breakpoint
ALTER TABLE "magic_links" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "passwords" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"hash" text NOT NULL,
	"updated_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "passwords" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "preferences" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"values" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"updated_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "preferences" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "refresh_tokens" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"family_id" uuid NOT NULL,
	"secret_hash" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "refresh_tokens_secret_hash_unique" UNIQUE("secret_hash")
);
--> statement-breakpoint
ALTER TABLE "refresh_tokens" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "tenants" (
	"id" uuid PRIMARY KEY NOT NULL,
	"slug" text NOT NULL,
	"name" text NOT NULL,
	"settings" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "tenants_slug_unique" UNIQUE("slug")
);
--> statement-breakpoint
ALTER TABLE "tenants" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
INSERT INTO "tenants" ("id", "slug", "name", "created_at", "updated_at") VALUES ('0b8f4f0e-5d0c-4b5e-8f57-6c1d0a3e9a10', 'default', 'Default', now(), now());--> statement-breakpoint
CREATE TABLE "user_exports" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"document" text,
	"requested_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "user_exports" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "user_roles" (
	"user_id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"role" text NOT NULL,
	"granted_at" timestamp with time zone NOT NULL,
	CONSTRAINT "user_roles_user_id_role_pk" PRIMARY KEY("user_id","role")
);
--> statement-breakpoint
ALTER TABLE "user_roles" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "onboarding_states" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "profiles" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "sessions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "turns" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "users" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
DROP INDEX "sessions_user_id";--> statement-breakpoint
ALTER TABLE "onboarding_states" ADD COLUMN "current_step" text;--> statement-breakpoint
UPDATE "onboarding_states" SET "current_step" = CASE
	WHEN NOT "answers" ? 'preferred_name' THEN 'preferred_name'
	WHEN NOT "answers" ? 'goal' THEN 'goal'
	WHEN NOT "answers" ? 'language' THEN 'language' END;--> statement-breakpoint
ALTER TABLE "onboarding_states" ALTER COLUMN "answers" SET DATA TYPE text USING CASE WHEN jsonb_typeof("answers") = 'string' THEN "answers" #>> '{}' ELSE "answers"::text END;--> statement-breakpoint
ALTER TABLE "onboarding_states" ALTER COLUMN "answers" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ALTER COLUMN "app_metadata" SET DATA TYPE text USING CASE WHEN jsonb_typeof("app_metadata") = 'string' THEN "app_metadata" #>> '{}' ELSE "app_metadata"::text END;--> statement-breakpoint
ALTER TABLE "sessions" ALTER COLUMN "app_metadata" DROP NOT NULL;--> statement-breakpoint
-- Until now these were plain; "parley db rotate-keys" seals what is, and what is empty needs no sealing.
UPDATE "sessions" SET "app_metadata" = NULL WHERE "app_metadata" = '{}';--> statement-breakpoint
UPDATE "onboarding_states" SET "answers" = NULL WHERE "answers" = '{}';--> statement-breakpoint
ALTER TABLE "onboarding_states" ADD COLUMN "tenant_id" uuid NOT NULL DEFAULT '0b8f4f0e-5d0c-4b5e-8f57-6c1d0a3e9a10';--> statement-breakpoint
ALTER TABLE "onboarding_states" ALTER COLUMN "tenant_id" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "onboarding_states" ADD COLUMN "skipped" text[] DEFAULT '{}'::text[] NOT NULL;--> statement-breakpoint
ALTER TABLE "onboarding_states" ADD COLUMN "version" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "profiles" ADD COLUMN "tenant_id" uuid NOT NULL DEFAULT '0b8f4f0e-5d0c-4b5e-8f57-6c1d0a3e9a10';--> statement-breakpoint
ALTER TABLE "profiles" ALTER COLUMN "tenant_id" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "profiles" ADD COLUMN "version" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "tenant_id" uuid NOT NULL DEFAULT '0b8f4f0e-5d0c-4b5e-8f57-6c1d0a3e9a10';--> statement-breakpoint
ALTER TABLE "sessions" ALTER COLUMN "tenant_id" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "title" text;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "version" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "turns" ADD COLUMN "tenant_id" uuid NOT NULL DEFAULT '0b8f4f0e-5d0c-4b5e-8f57-6c1d0a3e9a10';--> statement-breakpoint
ALTER TABLE "turns" ALTER COLUMN "tenant_id" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "tenant_id" uuid NOT NULL DEFAULT '0b8f4f0e-5d0c-4b5e-8f57-6c1d0a3e9a10';--> statement-breakpoint
ALTER TABLE "users" ALTER COLUMN "tenant_id" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "disabled_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "consents" ADD CONSTRAINT "consents_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "devices" ADD CONSTRAINT "devices_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "identities" ADD CONSTRAINT "identities_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_owner" UNIQUE("id","tenant_id","user_id");--> statement-breakpoint
ALTER TABLE "turns" DROP CONSTRAINT "turns_session_id_sessions_id_fk";--> statement-breakpoint
ALTER TABLE "turns" ADD CONSTRAINT "turns_session" FOREIGN KEY ("session_id","tenant_id","user_id") REFERENCES "public"."sessions"("id","tenant_id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "leases" ADD CONSTRAINT "leases_session" FOREIGN KEY ("session_id","tenant_id","user_id") REFERENCES "public"."sessions"("id","tenant_id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "leases" ADD CONSTRAINT "leases_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "lexicon_entries" ADD CONSTRAINT "lexicon_entries_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "magic_links" ADD CONSTRAINT "magic_links_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "passwords" ADD CONSTRAINT "passwords_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "preferences" ADD CONSTRAINT "preferences_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refresh_tokens" ADD CONSTRAINT "refresh_tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_exports" ADD CONSTRAINT "user_exports_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_roles" ADD CONSTRAINT "user_roles_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "api_keys_tenant_id" ON "api_keys" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "audit_log_at" ON "audit_log" USING btree ("tenant_id","at");--> statement-breakpoint
CREATE INDEX "consents_user_id" ON "consents" USING btree ("user_id","purpose","decided_at");--> statement-breakpoint
CREATE INDEX "devices_user_id" ON "devices" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "identities_user_id" ON "identities" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "leases_expires_at" ON "leases" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "lexicon_entries_pack" ON "lexicon_entries" USING btree ("tenant_id","pack");--> statement-breakpoint
CREATE INDEX "magic_links_email_index" ON "magic_links" USING btree ("tenant_id","email_index");--> statement-breakpoint
CREATE INDEX "magic_links_expires_at" ON "magic_links" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "refresh_tokens_user_id" ON "refresh_tokens" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "refresh_tokens_family_id" ON "refresh_tokens" USING btree ("family_id");--> statement-breakpoint
CREATE INDEX "refresh_tokens_expires_at" ON "refresh_tokens" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "user_exports_user_id" ON "user_exports" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "user_exports_expires_at" ON "user_exports" USING btree ("expires_at");--> statement-breakpoint
ALTER TABLE "users" ADD CONSTRAINT "users_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "turns_said_at" ON "turns" USING btree ("tenant_id","said_at");--> statement-breakpoint
CREATE INDEX "users_tenant_id" ON "users" USING btree ("tenant_id","id");--> statement-breakpoint
CREATE INDEX "sessions_user_id" ON "sessions" USING btree ("user_id","created_at","id");--> statement-breakpoint
INSERT INTO "leases" ("session_id", "tenant_id", "user_id", "holder", "expires_at") SELECT "id", "tenant_id", "user_id", "lease_holder", "lease_until" FROM "sessions" WHERE "lease_holder" IS NOT NULL AND "lease_until" IS NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" DROP COLUMN "lease_holder";--> statement-breakpoint
ALTER TABLE "sessions" DROP COLUMN "lease_until";--> statement-breakpoint
CREATE POLICY "own_rows" ON "onboarding_states" AS PERMISSIVE FOR ALL TO "parley_user" USING ("onboarding_states"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "onboarding_states"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid)) WITH CHECK ("onboarding_states"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "onboarding_states"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "onboarding_states" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "onboarding_states"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "onboarding_states"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "profiles" AS PERMISSIVE FOR ALL TO "parley_user" USING ("profiles"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "profiles"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid)) WITH CHECK ("profiles"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "profiles"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "profiles" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "profiles"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "profiles"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "sessions" AS PERMISSIVE FOR ALL TO "parley_user" USING ("sessions"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "sessions"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid) and coalesce("sessions"."id" = (select nullif(current_setting('app.session_id', true), '')::uuid), true)) WITH CHECK ("sessions"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "sessions"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid) and coalesce("sessions"."id" = (select nullif(current_setting('app.session_id', true), '')::uuid), true));--> statement-breakpoint
CREATE POLICY "service_rows" ON "sessions" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "sessions"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "sessions"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "turns" AS PERMISSIVE FOR ALL TO "parley_user" USING ("turns"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "turns"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid) and coalesce("turns"."session_id" = (select nullif(current_setting('app.session_id', true), '')::uuid), true)) WITH CHECK ("turns"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "turns"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid) and coalesce("turns"."session_id" = (select nullif(current_setting('app.session_id', true), '')::uuid), true));--> statement-breakpoint
CREATE POLICY "service_rows" ON "turns" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "turns"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "turns"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "users" AS PERMISSIVE FOR ALL TO "parley_user" USING ("users"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "users"."id" = (select nullif(current_setting('app.user_id', true), '')::uuid)) WITH CHECK ("users"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "users"."id" = (select nullif(current_setting('app.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "users" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "users"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "users"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "api_keys" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "api_keys"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "api_keys"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "audit_log" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "audit_log"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "audit_log"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "consents" AS PERMISSIVE FOR ALL TO "parley_user" USING ("consents"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "consents"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid)) WITH CHECK ("consents"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "consents"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "consents" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "consents"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "consents"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "devices" AS PERMISSIVE FOR ALL TO "parley_user" USING ("devices"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "devices"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid)) WITH CHECK ("devices"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "devices"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "devices" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "devices"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "devices"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "identities" AS PERMISSIVE FOR ALL TO "parley_user" USING ("identities"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "identities"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid)) WITH CHECK ("identities"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "identities"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "identities" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "identities"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "identities"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "leases" AS PERMISSIVE FOR ALL TO "parley_user" USING ("leases"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "leases"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid) and coalesce("leases"."session_id" = (select nullif(current_setting('app.session_id', true), '')::uuid), true)) WITH CHECK ("leases"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "leases"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid) and coalesce("leases"."session_id" = (select nullif(current_setting('app.session_id', true), '')::uuid), true));--> statement-breakpoint
CREATE POLICY "service_rows" ON "leases" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "leases"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "leases"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "lexicon_entries" AS PERMISSIVE FOR SELECT TO "parley_user" USING ("lexicon_entries"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "lexicon_entries" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "lexicon_entries"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "lexicon_entries"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "magic_links" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "magic_links"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "magic_links"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "passwords" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "passwords"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "passwords"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "preferences" AS PERMISSIVE FOR ALL TO "parley_user" USING ("preferences"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "preferences"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid)) WITH CHECK ("preferences"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "preferences"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "preferences" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "preferences"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "preferences"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "refresh_tokens" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "refresh_tokens"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "refresh_tokens"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "tenant_rows" ON "tenants" AS PERMISSIVE FOR SELECT TO "parley_user" USING ("tenants"."id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "tenants" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "tenants"."id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "tenants"."id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "user_exports" AS PERMISSIVE FOR ALL TO "parley_user" USING ("user_exports"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "user_exports"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid)) WITH CHECK ("user_exports"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "user_exports"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "user_exports" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "user_exports"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "user_exports"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "user_roles" AS PERMISSIVE FOR ALL TO "parley_user" USING ("user_roles"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "user_roles"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid)) WITH CHECK ("user_roles"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "user_roles"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "user_roles" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "user_roles"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "user_roles"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
INSERT INTO "preferences" ("user_id", "tenant_id", "updated_at") SELECT "id", "tenant_id", "created_at" FROM "users";--> statement-breakpoint
INSERT INTO "user_roles" ("user_id", "tenant_id", "role", "granted_at") SELECT "id", "tenant_id", 'student', "created_at" FROM "users";--> statement-breakpoint
ALTER TABLE "api_keys" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "audit_log" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "consents" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "devices" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "identities" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "leases" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "lexicon_entries" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "magic_links" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "onboarding_states" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "passwords" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "preferences" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "profiles" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "refresh_tokens" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "sessions" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "tenants" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "turns" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "user_exports" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "user_roles" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "users" FORCE ROW LEVEL SECURITY;--> statement-breakpoint
GRANT USAGE ON SCHEMA "public" TO "parley_user", "parley_service";--> statement-breakpoint
GRANT SELECT ON "tenants", "lexicon_entries", "users", "user_exports", "user_roles", "identities" TO "parley_user";--> statement-breakpoint
GRANT SELECT, INSERT ON "consents", "turns" TO "parley_user";--> statement-breakpoint
GRANT SELECT, UPDATE ON "profiles", "preferences", "onboarding_states" TO "parley_user";--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON "sessions" TO "parley_user";--> statement-breakpoint
GRANT SELECT, UPDATE, DELETE ON "leases" TO "parley_user";--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "devices" TO "parley_user";--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "api_keys", "devices", "identities", "leases", "lexicon_entries", "magic_links", "onboarding_states", "passwords", "preferences", "profiles", "refresh_tokens", "sessions", "tenants", "turns", "user_exports", "user_roles", "users" TO "parley_service";--> statement-breakpoint
GRANT SELECT, INSERT, DELETE ON "audit_log", "consents" TO "parley_service";--> statement-breakpoint
-- The programs compare the schema with their own before they start.
GRANT USAGE ON SCHEMA "drizzle" TO "parley_user", "parley_service";--> statement-breakpoint
GRANT SELECT ON "drizzle"."__drizzle_migrations" TO "parley_user", "parley_service";
