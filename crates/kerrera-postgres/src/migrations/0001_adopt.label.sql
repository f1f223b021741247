-- A state that Oban has had since its migration 14.
ALTER TYPE {state} ADD VALUE IF NOT EXISTS 'suspended' BEFORE 'scheduled';
