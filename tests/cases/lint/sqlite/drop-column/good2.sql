ALTER TABLE users ADD COLUMN drop_me int;
