DROP TABLE /* x */ `users`;
