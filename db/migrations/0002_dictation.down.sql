ALTER TABLE "users" DROP COLUMN "lexicon_version"--> statement-breakpoint
ALTER TABLE "tenants" DROP COLUMN "lexicon_version"--> statement-breakpoint
DROP TABLE "user_lexicon_entries"--> statement-breakpoint
DROP TABLE "pairing_events"--> statement-breakpoint
DROP TABLE "pairings"--> statement-breakpoint
DROP TABLE "notes"--> statement-breakpoint
-- Forced, row-level security would hide the rows from their owner as well.
ALTER TABLE "lexicon_entries" NO FORCE ROW LEVEL SECURITY--> statement-breakpoint
ALTER TABLE "lexicon_entries" DROP CONSTRAINT "lexicon_entries_key"--> statement-breakpoint
DROP INDEX "lexicon_entries_pack"--> statement-breakpoint
ALTER TABLE "lexicon_entries" ADD COLUMN "spoken" text, ADD COLUMN "written" text--> statement-breakpoint
UPDATE "lexicon_entries" SET "written" = "canonical", "spoken" = coalesce("variants"[1], "canonical")--> statement-breakpoint
-- A row for each further way to say a term.
INSERT INTO "lexicon_entries" ("id", "tenant_id", "pack", "spoken", "written", "created_at", "canonical", "key", "category", "variants", "origin", "updated_at") SELECT gen_random_uuid(), e."tenant_id", e."pack", v, e."canonical", e."created_at", e."canonical", e."key", e."category", e."variants", e."origin", e."updated_at" FROM "lexicon_entries" e, unnest(e."variants"[2:]) v--> statement-breakpoint
ALTER TABLE "lexicon_entries" ALTER COLUMN "spoken" SET NOT NULL, ALTER COLUMN "written" SET NOT NULL, DROP COLUMN "canonical", DROP COLUMN "key", DROP COLUMN "category", DROP COLUMN "variants", DROP COLUMN "origin", DROP COLUMN "updated_at", DROP COLUMN "version"--> statement-breakpoint
CREATE INDEX "lexicon_entries_pack" ON "lexicon_entries" USING btree ("tenant_id","pack")--> statement-breakpoint
ALTER TABLE "lexicon_entries" FORCE ROW LEVEL SECURITY
