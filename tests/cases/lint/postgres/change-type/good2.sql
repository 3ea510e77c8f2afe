ALTER TABLE users ALTER name TYPE character varying(50);
