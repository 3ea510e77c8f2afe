ALTER TABLE users ADD x double DEFAULT rand();
