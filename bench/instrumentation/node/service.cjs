/** The Express service under load, on the port of `PORT`. */
"use strict";

const express = require("express");

const app = express();
app.get("/items/:id", (request, response) => {
  response.json({ item_id: Number(request.params.id) });
});
app.listen(Number(process.env.PORT), "127.0.0.1");
