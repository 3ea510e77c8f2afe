DELETE /* WHERE */ FROM users -- WHERE
;
