DROP TABLE "summaries"--> statement-breakpoint
DROP TABLE "reminders"--> statement-breakpoint
DROP TABLE "facts"