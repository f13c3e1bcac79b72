// What an application does with the official OpenAI client for Node, printed as one JSON object.
// Base URL and key come from OPENAI_BASE_URL and OPENAI_API_KEY, a file to read from the arguments.
import { createReadStream, readFileSync } from "node:fs";
import OpenAI, { toFile } from "openai";

const client = new OpenAI();
const path = process.argv[2];
const bytes = readFileSync(path);

const open = (size) =>
  client.uploads.create({ bytes: size, filename: "x.txt", mime_type: "text/plain", purpose: "user_data" });

const finish = async (upload, part) => {
  const done = await client.uploads.complete(upload.id, { part_ids: [part.id] });
  const content = await client.files.content(done.file.id);
  return { status: done.status, same: Buffer.from(await content.arrayBuffer()).equals(bytes) };
};

const told = async (promise) => {
  try {
    await promise;
    return null;
  } catch (error) {
    return {
      type: error.constructor.name,
      status: error.status,
      code: error.code,
      param: error.param,
      request: error.requestID,
    };
  }
};

const results = {};

const buffered = await open(bytes.length);
const buffer = await toFile(bytes, "README.md");
results.buffer = await finish(buffered, await client.uploads.parts.create(buffered.id, { data: buffer }));

const streamed = await open(bytes.length);
const stream = createReadStream(path);
results.stream = await finish(streamed, await client.uploads.parts.create(streamed.id, { data: stream }));

const posted = await client.files.create({ file: createReadStream(path), purpose: "user_data" });
results.posted = { status: posted.status, bytes: posted.bytes };

const limited = await client.files.create({
  file: await toFile(bytes, "x.jsonl"),
  purpose: "batch",
  expires_after: { anchor: "created_at", seconds: 3600 },
});
results.lifetime = limited.expires_at - limited.created_at;

results.listed = [];
for await (const file of client.files.list({ limit: 1 })) results.listed.push(file.purpose);

const pending = await open(bytes.length);
results.nameless = (await client.uploads.parts.create(pending.id, { data: new Blob(["abc"]) })).bytes;
results.empty = await told(client.uploads.parts.create(pending.id, { data: await toFile(Buffer.alloc(0), "x") }));
results.cancelled = (await client.uploads.cancel(pending.id)).status;
results.late = await told(client.uploads.parts.create(pending.id, { data: await toFile(bytes, "x") }));
results.missing = await told(client.files.retrieve("file-none"));
results.deleted = (await client.files.delete(posted.id)).deleted;

console.log(JSON.stringify(results));
