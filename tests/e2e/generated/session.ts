// A client over the types that openapi-typescript has made of our document: creates, sends, completes, downloads.
// Run as: node session.js URL KEY

import createClient from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { argv: string[] };

const [url, key] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });

function good<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

// a form, where the document also offers the bare bytes
const form = (fields: unknown) => {
  const filled = new FormData();
  for (const [name, value] of Object.entries(fields as Record<string, Blob>)) filled.append(name, value);
  return filled;
};

const upload = good(
  await client.POST("/v1/uploads", {
    body: { filename: "two.txt", purpose: "user_data", bytes: 6, mime_type: "text/plain" },
  }),
);
const path = { upload_id: upload.id };
const parts: string[] = [];
for (const bytes of ["abc", "def"]) {
  const data = new Blob([bytes]) as unknown as string; // the generator's type of binary
  const sent = await client.POST("/v1/uploads/{upload_id}/parts", {
    params: { path }, body: { data }, bodySerializer: form,
  });
  parts.push(good(sent).id);
}
const done = good(
  await client.POST("/v1/uploads/{upload_id}/complete", { params: { path }, body: { part_ids: parts } }),
);
if (!done.file) throw new Error("there is no File");
const content = good(
  await client.GET("/v1/files/{file_id}/content", {
    params: { path: { file_id: done.file.id } }, parseAs: "text",
  }),
);
console.log(JSON.stringify({ status: done.status, checksum: done.file.checksum, content }));
