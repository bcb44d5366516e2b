ALTER TABLE "turns" DROP COLUMN "latency"
