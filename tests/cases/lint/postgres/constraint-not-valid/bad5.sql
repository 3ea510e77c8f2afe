ALTER TABLE "Order Lines" ADD PRIMARY KEY (note);
