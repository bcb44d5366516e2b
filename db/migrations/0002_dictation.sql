CREATE TABLE "notes" (
	"session_id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"content" text NOT NULL,
	"summary" text,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL
);--> statement-breakpoint
ALTER TABLE "notes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "pairing_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"pairing_id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"event" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "pairing_events_sequence" UNIQUE("pairing_id","sequence")
);--> statement-breakpoint
ALTER TABLE "pairing_events" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "pairings" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"code_index" text NOT NULL,
	"code_state" text NOT NULL,
	"code_expires_at" timestamp with time zone NOT NULL,
	"wrong_tries" integer DEFAULT 0 NOT NULL,
	"phone_epoch" integer DEFAULT 0 NOT NULL,
	"claimed_at" timestamp with time zone,
	"last_sequence" integer DEFAULT 0 NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"end_reason" text,
	CONSTRAINT "pairings_owner" UNIQUE("id","tenant_id","user_id")
);--> statement-breakpoint
ALTER TABLE "pairings" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "user_lexicon_entries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"pack" text NOT NULL,
	"term" text NOT NULL,
	"key_index" text NOT NULL,
	"origin" text NOT NULL,
	"corrections" integer NOT NULL,
	"is_active" boolean NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "user_lexicon_entries_key" UNIQUE("user_id","pack","key_index")
);--> statement-breakpoint
ALTER TABLE "user_lexicon_entries" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "tenants" ADD COLUMN "lexicon_version" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "lexicon_version" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
DROP INDEX "lexicon_entries_pack";--> statement-breakpoint
-- Forced, row-level security would hide the rows from their owner as well.
ALTER TABLE "lexicon_entries" NO FORCE ROW LEVEL SECURITY--> statement-breakpoint
ALTER TABLE "lexicon_entries" ADD COLUMN "canonical" text, ADD COLUMN "key" text, ADD COLUMN "category" text DEFAULT 'term' NOT NULL, ADD COLUMN "variants" text[], ADD COLUMN "origin" text DEFAULT 'added' NOT NULL, ADD COLUMN "updated_at" timestamp with time zone, ADD COLUMN "version" integer DEFAULT 1 NOT NULL--> statement-breakpoint
UPDATE "lexicon_entries" SET "canonical" = "written", "key" = translate(lower("written"), 'áàâäãåéèêëíìîïóòôöõúùûüçñ', 'aaaaaaeeeeiiiiooooouuuucn'), "updated_at" = "created_at"--> statement-breakpoint
-- What was one row for each way to say a term becomes one row for each term.
UPDATE "lexicon_entries" e SET "variants" = (SELECT array_agg(DISTINCT o."spoken" ORDER BY o."spoken") FROM "lexicon_entries" o WHERE o."tenant_id" = e."tenant_id" AND o."pack" = e."pack" AND o."key" = e."key")--> statement-breakpoint
DELETE FROM "lexicon_entries" e USING "lexicon_entries" o WHERE o."tenant_id" = e."tenant_id" AND o."pack" = e."pack" AND o."key" = e."key" AND o."id" < e."id"--> statement-breakpoint
ALTER TABLE "lexicon_entries" ALTER COLUMN "canonical" SET NOT NULL, ALTER COLUMN "key" SET NOT NULL, ALTER COLUMN "category" DROP DEFAULT, ALTER COLUMN "variants" SET NOT NULL, ALTER COLUMN "origin" DROP DEFAULT, ALTER COLUMN "updated_at" SET NOT NULL, DROP COLUMN "spoken", DROP COLUMN "written"--> statement-breakpoint
ALTER TABLE "lexicon_entries" FORCE ROW LEVEL SECURITY--> statement-breakpoint
ALTER TABLE "notes" ADD CONSTRAINT "notes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notes" ADD CONSTRAINT "notes_session" FOREIGN KEY ("session_id","tenant_id","user_id") REFERENCES "public"."sessions"("id","tenant_id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pairing_events" ADD CONSTRAINT "pairing_events_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pairing_events" ADD CONSTRAINT "pairing_events_pairing" FOREIGN KEY ("pairing_id","tenant_id","user_id") REFERENCES "public"."pairings"("id","tenant_id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pairings" ADD CONSTRAINT "pairings_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pairings" ADD CONSTRAINT "pairings_session" FOREIGN KEY ("session_id","tenant_id","user_id") REFERENCES "public"."sessions"("id","tenant_id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_lexicon_entries" ADD CONSTRAINT "user_lexicon_entries_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "notes_updated_at" ON "notes" USING btree ("tenant_id","updated_at");--> statement-breakpoint
CREATE INDEX "pairing_events_created_at" ON "pairing_events" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "pairings_user_id" ON "pairings" USING btree ("user_id","created_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "pairings_live_session" ON "pairings" USING btree ("session_id") WHERE "pairings"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "pairings_expires_at" ON "pairings" USING btree ("expires_at") WHERE "pairings"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "user_lexicon_entries_pack" ON "user_lexicon_entries" USING btree ("user_id","pack","id");--> statement-breakpoint
CREATE INDEX "lexicon_entries_pack" ON "lexicon_entries" USING btree ("tenant_id","pack","id");--> statement-breakpoint
ALTER TABLE "lexicon_entries" ADD CONSTRAINT "lexicon_entries_key" UNIQUE("tenant_id","pack","key");--> statement-breakpoint
CREATE POLICY "own_rows" ON "notes" AS PERMISSIVE FOR ALL TO "parley_user" USING ("notes"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "notes"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid) and coalesce("notes"."session_id" = (select nullif(current_setting('app.session_id', true), '')::uuid), true)) WITH CHECK ("notes"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "notes"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid) and coalesce("notes"."session_id" = (select nullif(current_setting('app.session_id', true), '')::uuid), true));--> statement-breakpoint
CREATE POLICY "service_rows" ON "notes" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "notes"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "notes"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "pairing_events" AS PERMISSIVE FOR ALL TO "parley_user" USING ("pairing_events"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "pairing_events"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid) and coalesce("pairing_events"."session_id" = (select nullif(current_setting('app.session_id', true), '')::uuid), true)) WITH CHECK ("pairing_events"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "pairing_events"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid) and coalesce("pairing_events"."session_id" = (select nullif(current_setting('app.session_id', true), '')::uuid), true));--> statement-breakpoint
CREATE POLICY "service_rows" ON "pairing_events" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "pairing_events"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "pairing_events"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "pairings" AS PERMISSIVE FOR ALL TO "parley_user" USING ("pairings"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "pairings"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid) and coalesce("pairings"."session_id" = (select nullif(current_setting('app.session_id', true), '')::uuid), true)) WITH CHECK ("pairings"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "pairings"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid) and coalesce("pairings"."session_id" = (select nullif(current_setting('app.session_id', true), '')::uuid), true));--> statement-breakpoint
CREATE POLICY "service_rows" ON "pairings" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "pairings"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "pairings"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "user_lexicon_entries" AS PERMISSIVE FOR ALL TO "parley_user" USING ("user_lexicon_entries"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "user_lexicon_entries"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid)) WITH CHECK ("user_lexicon_entries"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "user_lexicon_entries"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "user_lexicon_entries" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "user_lexicon_entries"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "user_lexicon_entries"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
ALTER TABLE "notes" FORCE ROW LEVEL SECURITY--> statement-breakpoint
ALTER TABLE "pairing_events" FORCE ROW LEVEL SECURITY--> statement-breakpoint
ALTER TABLE "pairings" FORCE ROW LEVEL SECURITY--> statement-breakpoint
ALTER TABLE "user_lexicon_entries" FORCE ROW LEVEL SECURITY--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON "notes", "pairings" TO "parley_user"--> statement-breakpoint
GRANT SELECT, INSERT ON "pairing_events" TO "parley_user"--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "user_lexicon_entries" TO "parley_user"--> statement-breakpoint
GRANT UPDATE ("lexicon_version") ON "users" TO "parley_user"--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "notes", "pairings", "pairing_events", "user_lexicon_entries" TO "parley_service"
