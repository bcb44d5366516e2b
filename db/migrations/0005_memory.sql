CREATE TABLE "facts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"source_session_id" uuid,
	"agent" text NOT NULL,
	"text" text NOT NULL,
	"state" text NOT NULL,
	"proposed_at" timestamp with time zone NOT NULL,
	"kept_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "facts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "reminders" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"text" text NOT NULL,
	"first_local_time" text NOT NULL,
	"time_zone" text NOT NULL,
	"repeat" text,
	"due_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"delivered_at" timestamp with time zone,
	"delivered_by" text,
	"version" integer DEFAULT 1 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "reminders" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "summaries" (
	"source_session_id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"text" text NOT NULL,
	"through_position" integer NOT NULL,
	"model" text NOT NULL,
	"written_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "summaries" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "facts" ADD CONSTRAINT "facts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "facts" ADD CONSTRAINT "facts_source_session_id_sessions_id_fk" FOREIGN KEY ("source_session_id") REFERENCES "public"."sessions"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reminders" ADD CONSTRAINT "reminders_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "summaries" ADD CONSTRAINT "summaries_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "summaries" ADD CONSTRAINT "summaries_session" FOREIGN KEY ("source_session_id","tenant_id","user_id") REFERENCES "public"."sessions"("id","tenant_id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "facts_user_id" ON "facts" USING btree ("user_id","proposed_at","id");--> statement-breakpoint
CREATE INDEX "facts_source_session_id" ON "facts" USING btree ("source_session_id");--> statement-breakpoint
CREATE INDEX "reminders_user_id" ON "reminders" USING btree ("user_id","created_at","id");--> statement-breakpoint
CREATE INDEX "reminders_due_at" ON "reminders" USING btree ("due_at") WHERE "reminders"."due_at" is not null;--> statement-breakpoint
CREATE INDEX "summaries_user_id" ON "summaries" USING btree ("user_id","written_at");--> statement-breakpoint
CREATE POLICY "own_rows" ON "facts" AS PERMISSIVE FOR ALL TO "parley_user" USING ("facts"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "facts"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid)) WITH CHECK ("facts"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "facts"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "facts" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "facts"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "facts"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "reminders" AS PERMISSIVE FOR ALL TO "parley_user" USING ("reminders"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "reminders"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid)) WITH CHECK ("reminders"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "reminders"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "reminders" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "reminders"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "reminders"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
CREATE POLICY "own_rows" ON "summaries" AS PERMISSIVE FOR ALL TO "parley_user" USING ("summaries"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "summaries"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid)) WITH CHECK ("summaries"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid) and "summaries"."user_id" = (select nullif(current_setting('app.user_id', true), '')::uuid));--> statement-breakpoint
CREATE POLICY "service_rows" ON "summaries" AS PERMISSIVE FOR ALL TO "parley_service" USING ((select current_setting('app.tenant_id', true) = '*') or "summaries"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)) WITH CHECK ((select current_setting('app.tenant_id', true) = '*') or "summaries"."tenant_id" = (select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid));--> statement-breakpoint
ALTER TABLE "facts" FORCE ROW LEVEL SECURITY--> statement-breakpoint
ALTER TABLE "reminders" FORCE ROW LEVEL SECURITY--> statement-breakpoint
ALTER TABLE "summaries" FORCE ROW LEVEL SECURITY--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "facts", "reminders" TO "parley_user"--> statement-breakpoint
GRANT SELECT ON "summaries" TO "parley_user"--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "facts", "reminders", "summaries" TO "parley_service"