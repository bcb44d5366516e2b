ALTER TABLE "sessions" DROP COLUMN "active_agent"--> statement-breakpoint
ALTER TABLE "sessions" DROP COLUMN "agent_expected_until"