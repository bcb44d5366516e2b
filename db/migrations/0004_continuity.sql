ALTER TABLE "sessions" ADD COLUMN "agent_expected_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "active_agent" text;