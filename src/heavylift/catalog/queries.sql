-- Every statement of the catalog. SQLite and PostgreSQL understand the same text.
--
-- A statement begins with its name and one line of reason, and ends before the next name.
-- Parameters are spelled :name. {page} stands for the end of a list's statement, behind a
-- cursor and in one of two directions: it makes two statements, name_newest and name_oldest.
-- {page of project} says besides whose list it is, as a range that begins and ends with it. With
-- project = :project PostgreSQL would walk all ids of the table, past everybody else's, where it
-- thinks that most are this project's; so only the index by project has the order that is asked for.
-- Ids and blob keys compare bytewise. Times are Unix seconds, sizes are bytes.
--
-- CAST(NULL AS DOUBLE PRECISION) becomes PostgreSQL's own clock, unless a time is :given.
--
-- `arrivals` is always empty. What brings a blob in mentions it where it asks whether the blob was
-- condemned, so that whoever condemns can keep arrivals waiting: in PostgreSQL it is a view that
-- reads the table arrivals_gate FOR KEY SHARE, and thereby locks it against those who condemn.


-- UPLOADS

-- insert_upload: create stores what was declared; nothing is held yet.
INSERT INTO uploads (
  id, project, filename, purpose, mime_type, bytes, created_at, expires_at,
  file_lifetime, state, held_bytes, held_parts, file_id, receipt
) VALUES (
  :id, :project, :filename, :purpose, :mime_type, :bytes, :created_at, :expires_at,
  :file_lifetime, :state, :held_bytes, :held_parts, :file_id, :receipt
);

-- find_upload: one upload of one project; another project's is not found.
SELECT * FROM uploads WHERE id = :id AND project = :project;

-- list_uploads: all uploads of a project.
SELECT * FROM uploads WHERE {page of project};

-- list_uploads_in_state: those that stored this state, and whose deadline is still ahead if that matters.
SELECT * FROM uploads WHERE expires_at > :beyond AND {page of project, state};

-- list_uploads_overdue: those that the clock has expired, and no sweeper yet, in any order; all are looked at.
WITH overdue AS MATERIALIZED (
  SELECT id FROM uploads WHERE project = :project AND state = 'pending' AND expires_at <= :now
)
SELECT * FROM uploads WHERE id IN (SELECT id FROM overdue WHERE {page});

-- claim_room: counts a part in its upload, if that takes one now and its bytes are neither old nor condemned.
UPDATE uploads SET held_bytes = held_bytes + :bytes, held_parts = held_parts + 1
WHERE id = :upload_id AND project = :project AND state = 'pending' AND expires_at > :judged_at
  AND held_bytes + :bytes <= :most_bytes AND held_parts < :most_parts
  AND (:most_of_project = 0 OR :bytes <= :most_of_project
    - (SELECT coalesce(sum(held.held_bytes), 0) FROM uploads AS held
       WHERE held.project = :project AND held.state BETWEEN 'pending' AND 'pending')
    - (SELECT coalesce(sum(files.bytes), 0) FROM files WHERE files.project = :project))
  AND coalesce(CAST(:given AS DOUBLE PRECISION), CAST(NULL AS DOUBLE PRECISION)) < CAST(:bytes_until AS DOUBLE PRECISION)
  AND NOT EXISTS (SELECT 1 FROM garbage WHERE garbage.blob = :blob)
  AND NOT EXISTS (SELECT 1 FROM arrivals WHERE arrivals.id = 0)
RETURNING id;

-- find_open: how many uploads are pending with their deadline ahead, counted no further than matters, and by
-- the index that has no others: as a range, and in its order, for the reason told above.
SELECT count(*) AS pending FROM (
  SELECT 1 AS one FROM uploads
  WHERE state = 'pending' AND (project, expires_at) > (:project, :now) AND project <= :project
  ORDER BY project, expires_at LIMIT :most
) AS ahead;

-- find_held: what a project holds, in parts of pending uploads and in files.
-- BETWEEN, here and in claim_room: with = the index of all that is pending looks as good as the one by
-- project, and is taken, so that each project would pay for the uploads of all others.
SELECT CAST(
  (SELECT coalesce(sum(held_bytes), 0) FROM uploads
   WHERE project = :project AND state BETWEEN 'pending' AND 'pending')
  + (SELECT coalesce(sum(bytes), 0) FROM files WHERE project = :project) AS BIGINT
) AS held;

-- insert_part: a part of an upload or the stored bytes of a posted file; both are rows of one kind.
INSERT INTO parts (id, project, upload_id, file_id, position, blob, bytes, checksum, created_at)
VALUES (:id, :project, :upload_id, :file_id, :position, :blob, :bytes, :checksum, :created_at);

-- list_parts: an upload's parts; those of a forgotten upload belong to its file alone.
SELECT * FROM parts
WHERE EXISTS (SELECT 1 FROM uploads WHERE uploads.id = :upload_id AND uploads.project = :project)
  AND {page of upload_id};

-- complete_upload: only one of complete, cancel and expiry finds the upload pending.
UPDATE uploads
SET state = 'completed', file_id = :file_id, receipt = :receipt,
    held_bytes = :held_bytes, held_parts = :held_parts
WHERE id = :id AND project = :project AND state = 'pending' AND expires_at > :judged_at
RETURNING id;

-- cancel_upload: as complete_upload; what it held is given up in the same transaction.
UPDATE uploads SET state = 'cancelled', held_bytes = 0, held_parts = 0
WHERE id = :id AND project = :project AND state = 'pending' AND expires_at > :judged_at
RETURNING id;

-- place_part: gives a part its place in the file; one that is gone or taken stays unplaced.
UPDATE parts SET file_id = :file_id, position = :position
WHERE blob = :blob AND upload_id = :upload_id AND file_id IS NULL;

-- count_placed: how many places of a file are filled.
SELECT count(*) AS placed FROM parts WHERE file_id = :file_id;

-- discard_unplaced_blobs: the bytes of an upload's parts that no file took may go.
INSERT INTO garbage (blob, due, why)
SELECT blob, CAST(:due AS DOUBLE PRECISION), CAST(:why AS TEXT) FROM parts WHERE upload_id = :upload_id AND file_id IS NULL
ON CONFLICT (blob) DO NOTHING;

-- drop_unplaced_parts: forgets those parts, in the same transaction.
DELETE FROM parts WHERE upload_id = :upload_id AND file_id IS NULL RETURNING blob;


-- FILES

-- insert_file: a finished file; its extents are parts.
INSERT INTO files (id, project, filename, purpose, bytes, checksum, created_at, expires_at)
VALUES (:id, :project, :filename, :purpose, :bytes, :checksum, :created_at, :expires_at);

-- find_file: one file of one project, unless its time is over.
SELECT * FROM files
WHERE id = :id AND project = :project AND (expires_at IS NULL OR expires_at > :now);

-- find_extents: those of a file that reach into a stretch, in any order: a range of a long file costs few rows.
SELECT blob, bytes, checksum, begins FROM (
  SELECT blob, bytes, checksum, CAST(sum(bytes) OVER (ORDER BY position) - bytes AS BIGINT) AS begins
  FROM parts WHERE file_id = :file_id AND project = :project
) AS placed
WHERE begins < :stop AND begins + bytes > :start;

-- list_files: all files of a project whose time is not over.
SELECT * FROM files WHERE (expires_at IS NULL OR expires_at > :now) AND {page of project};

-- list_files_of_purpose: the same, of one purpose.
SELECT * FROM files WHERE (expires_at IS NULL OR expires_at > :now) AND {page of project, purpose};

-- delete_file: only one of two deletions finds it.
DELETE FROM files
WHERE id = :id AND project = :project AND (expires_at IS NULL OR expires_at > :now)
RETURNING id;

-- discard_file_blobs: the bytes of a forgotten file may go when they are due.
INSERT INTO garbage (blob, due, why)
SELECT blob, CAST(:due AS DOUBLE PRECISION), CAST(:why AS TEXT) FROM parts WHERE file_id = :file_id
ON CONFLICT (blob) DO NOTHING;

-- drop_file_parts: forgets the extents, in the same transaction.
DELETE FROM parts WHERE file_id = :file_id RETURNING blob;

-- empty_upload: the upload that a forgotten file came from holds nothing any more.
UPDATE uploads SET held_bytes = 0, held_parts = 0 WHERE file_id = :file_id;


-- UPKEEP

-- count_overdue: how much the steps below would find; an operator's question.
SELECT
  (SELECT count(*) FROM uploads
   WHERE state = 'pending' AND expires_at < :uploads_before) AS expired_uploads,
  (SELECT count(*) FROM uploads
   WHERE state <> 'pending' AND expires_at < :forget_before) AS forgettable_uploads,
  (SELECT count(*) FROM files WHERE expires_at <= :files_before) AS expired_files,
  (SELECT count(*) FROM garbage WHERE due <= :due) AS garbage;

-- find_overdue_uploads: pending ones past their deadline, the longest overdue first.
SELECT id FROM uploads
WHERE state = 'pending' AND expires_at < :before ORDER BY expires_at LIMIT :limit;

-- expire_upload: as cancel_upload, by the clock.
UPDATE uploads SET state = 'expired', held_bytes = 0, held_parts = 0
WHERE id = :id AND state = 'pending' AND expires_at < :before
RETURNING id;

-- find_overdue_files: files whose time is over, the longest overdue first.
SELECT id FROM files WHERE expires_at <= :before ORDER BY expires_at LIMIT :limit;

-- expire_file: as delete_file, by the clock.
DELETE FROM files WHERE id = :id AND expires_at <= :before RETURNING id;

-- forget_uploads: closed ones past their deadline, the oldest first; their files stay.
DELETE FROM uploads WHERE id IN (
  SELECT id FROM uploads
  WHERE state <> 'pending' AND expires_at < :before ORDER BY expires_at LIMIT :limit
)
RETURNING id;

-- list_garbage: what may be deleted, the longest due first.
SELECT blob FROM garbage WHERE due <= :due ORDER BY due LIMIT :limit;

-- find_condemned: whether an arriving blob's bytes are about to go, or so old that they may be gone.
SELECT 1 AS condemned
WHERE NOT EXISTS (SELECT 1 FROM arrivals WHERE arrivals.id = 0) AND (
  EXISTS (SELECT 1 FROM garbage WHERE garbage.blob = :blob)
  OR coalesce(CAST(:given AS DOUBLE PRECISION), CAST(NULL AS DOUBLE PRECISION)) >= CAST(:bytes_until AS DOUBLE PRECISION)
);

-- forget_garbage: its bytes are gone.
DELETE FROM garbage WHERE blob = :blob;

-- postpone_garbage: its bytes could not be deleted.
UPDATE garbage SET due = CAST(:due AS DOUBLE PRECISION) WHERE blob = :blob;

-- find_blobs: those of `keys`, a text of `size` characters each, that a part or the garbage knows.
WITH RECURSIVE
  places (place) AS (
    SELECT 1
    UNION ALL
    SELECT place + CAST(:size AS INTEGER) FROM places
    WHERE place + CAST(:size AS INTEGER) <= length(CAST(:keys AS TEXT))
  ),
  asked (blob) AS (
    SELECT substr(CAST(:keys AS TEXT), place, CAST(:size AS INTEGER)) FROM places
  )
SELECT parts.blob FROM asked JOIN parts ON parts.blob = asked.blob
UNION ALL
SELECT garbage.blob FROM asked JOIN garbage ON garbage.blob = asked.blob;

-- condemn_blob: bytes that nobody points at may go; a part that comes later finds them condemned.
INSERT INTO garbage (blob, due, why)
SELECT CAST(:blob AS TEXT), CAST(:due AS DOUBLE PRECISION), CAST(:why AS TEXT)
WHERE NOT EXISTS (SELECT 1 FROM parts WHERE parts.blob = :blob)
ON CONFLICT (blob) DO NOTHING
RETURNING blob;

-- list_condemned: all garbage, due or not, and why it is there; an operator's question.
SELECT blob, due, why FROM garbage WHERE blob > :after ORDER BY blob LIMIT :limit;

-- list_overdue: what the next round expires; an operator's question.
WITH overdue AS MATERIALIZED (
  SELECT id FROM uploads WHERE state = 'pending' AND expires_at < :uploads_before
  UNION ALL
  SELECT id FROM files WHERE expires_at <= :files_before
)
SELECT id FROM overdue WHERE id > :after ORDER BY id LIMIT :limit;

-- list_owned: the blobs that go with such an upload or file.
SELECT blob FROM parts WHERE upload_id = :id AND file_id IS NULL
UNION ALL
SELECT blob FROM parts WHERE file_id = :id;

-- find_search: when orphans were looked for, by whichever process.
SELECT searched_at, doubted_at FROM orphan_search WHERE id = 1;

-- remember_search: the others need not look so soon again.
INSERT INTO orphan_search (id, searched_at, doubted_at)
VALUES (1, CAST(:searched_at AS DOUBLE PRECISION), CAST(:doubted_at AS DOUBLE PRECISION))
ON CONFLICT (id) DO UPDATE SET searched_at = excluded.searched_at, doubted_at = excluded.doubted_at;

-- forget_search: other blobs, or others' blobs, may be there now.
DELETE FROM orphan_search WHERE id = 1;

-- now: the time by the clock that all who share the database have in common.
SELECT coalesce(CAST(:given AS DOUBLE PRECISION), CAST(NULL AS DOUBLE PRECISION)) AS now;

-- find_newest: the ids that sort last, each by one look into its index.
SELECT (SELECT max(id) FROM uploads WHERE id > '') AS upload, (SELECT max(id) FROM parts WHERE id > '') AS part,
  (SELECT max(id) FROM files WHERE id > '') AS file;

-- take_lease: the holder's own lease is prolonged, another's can be taken once it is over, and one that lasts
-- longer than any does: the clock was set back since.
INSERT INTO leases (name, holder, until)
VALUES (:name, :holder, CAST(:until AS DOUBLE PRECISION))
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE leases.holder = excluded.holder OR leases.until <= :now
  OR (excluded.until > :now AND leases.until > CAST(:longest AS DOUBLE PRECISION))
RETURNING name;

-- beat: a real write that changes nothing that counts, to prove that writing works.
INSERT INTO heartbeat (id, beats) VALUES (1, 1)
ON CONFLICT (id) DO UPDATE SET beats = heartbeat.beats + 1
RETURNING beats;

-- find_installation: what this catalog calls itself.
SELECT name, marked FROM installation WHERE id = 1;

-- name_installation: the first name stays.
INSERT INTO installation (id, name, marked) VALUES (1, :name, 0) ON CONFLICT (id) DO NOTHING;

-- mark_installation: from now on there are blobs that bear its name.
UPDATE installation SET marked = 1 WHERE id = 1;


-- PROJECTS AND KEYS

-- insert_project: names are unique, the first one wins.
INSERT INTO projects (id, name, created_at) VALUES (:id, :name, :created_at)
ON CONFLICT (name) DO NOTHING
RETURNING id;

-- list_projects: all tenants, oldest first; an operator's list.
SELECT * FROM projects ORDER BY created_at, id;

-- insert_key: only the digest of a secret is kept; the same secret opens one project at most.
INSERT INTO api_keys (id, project, name, hint, digest, created_at, revoked_at)
VALUES (:id, :project, :name, :hint, :digest, :created_at, :revoked_at)
ON CONFLICT (digest) DO NOTHING
RETURNING id;

-- list_keys: keys of all projects, oldest first; an operator's list.
SELECT id, project, name, hint, created_at, revoked_at FROM api_keys ORDER BY created_at, id;

-- list_keys_of_project: keys of one project, oldest first; an operator's list.
SELECT id, project, name, hint, created_at, revoked_at FROM api_keys
WHERE project = :project ORDER BY created_at, id;

-- find_key_owner: who is asking, unless the key was revoked.
SELECT projects.id, projects.name, projects.created_at
FROM api_keys JOIN projects ON projects.id = api_keys.project
WHERE api_keys.digest = :digest AND api_keys.revoked_at IS NULL;

-- revoke_key: for good; the moment of the first revocation stays.
UPDATE api_keys SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL RETURNING id;


-- IDEMPOTENCY: requests that are done once

-- take_idempotency_key: one of two at once gets it; one that is older than is remembered is free again.
INSERT INTO idempotency_keys (project, key, fingerprint, made, created_at)
VALUES (:project, :key, :fingerprint, :made, :now)
ON CONFLICT (project, key) DO UPDATE
SET fingerprint = excluded.fingerprint, made = excluded.made, created_at = excluded.created_at
WHERE idempotency_keys.created_at <= :forgotten
RETURNING made;

-- find_idempotency_key: what was asked for under it, and what came of that.
SELECT fingerprint, made FROM idempotency_keys WHERE project = :project AND key = :key;

-- forget_idempotency_keys: those that nobody repeats any more, the oldest first.
DELETE FROM idempotency_keys WHERE (project, key) IN (
  SELECT project, key FROM idempotency_keys WHERE created_at <= :before ORDER BY created_at LIMIT :limit
)
RETURNING made;


-- MOVING: every row of a table, in steps, into another catalog, which becomes what the first one is.

-- dump_projects: a step of all tenants.
SELECT * FROM projects WHERE id > :after ORDER BY id LIMIT :limit;

-- dump_keys: a step of all keys, with their digests.
SELECT * FROM api_keys WHERE id > :after ORDER BY id LIMIT :limit;

-- dump_parts: a step of all parts and extents.
SELECT * FROM parts WHERE id > :after ORDER BY id LIMIT :limit;

-- dump_files: a step of all files.
SELECT * FROM files WHERE id > :after ORDER BY id LIMIT :limit;

-- dump_uploads: a step of all uploads.
SELECT * FROM uploads WHERE id > :after ORDER BY id LIMIT :limit;

-- load_project: what is there under this id has been dropped before.
INSERT INTO projects (id, name, created_at) VALUES (:id, :name, :created_at);

-- load_key: revoked ones too, so that they stay revoked.
INSERT INTO api_keys (id, project, name, hint, digest, created_at, revoked_at)
VALUES (:id, :project, :name, :hint, :digest, :created_at, :revoked_at);

-- load_part: its bytes are there already.
INSERT INTO parts (id, project, upload_id, file_id, position, blob, bytes, checksum, created_at)
VALUES (:id, :project, :upload_id, :file_id, :position, :blob, :bytes, :checksum, :created_at);

-- load_file: its parts are there already.
INSERT INTO files (id, project, filename, purpose, bytes, checksum, created_at, expires_at)
VALUES (:id, :project, :filename, :purpose, :bytes, :checksum, :created_at, :expires_at);

-- load_upload: its parts are there already, and its file.
INSERT INTO uploads (
  id, project, filename, purpose, mime_type, bytes, created_at, expires_at,
  file_lifetime, state, held_bytes, held_parts, file_id, receipt
) VALUES (
  :id, :project, :filename, :purpose, :mime_type, :bytes, :created_at, :expires_at,
  :file_lifetime, :state, :held_bytes, :held_parts, :file_id, :receipt
);

-- drop_project: it is not in the old catalog, or is another there.
DELETE FROM projects WHERE id = :id;

-- drop_key: as drop_project.
DELETE FROM api_keys WHERE id = :id;

-- drop_part: as drop_project.
DELETE FROM parts WHERE id = :id;

-- drop_file: as drop_project.
DELETE FROM files WHERE id = :id;

-- drop_upload: as drop_project.
DELETE FROM uploads WHERE id = :id;

-- discard_part_blob: the bytes of a part that is dropped for good may go.
INSERT INTO garbage (blob, due, why)
SELECT blob, CAST(:due AS DOUBLE PRECISION), 'it was gone where this catalog was moved from'
FROM parts WHERE id = :id
ON CONFLICT (blob) DO NOTHING;

-- find_move: whether this catalog came from another, and whether it is all here.
SELECT came_from, digest FROM move WHERE id = 1;

-- remember_move: begun without a digest, ended with that of what is here then.
INSERT INTO move (id, came_from, digest) VALUES (1, :came_from, :digest)
ON CONFLICT (id) DO UPDATE SET came_from = excluded.came_from, digest = excluded.digest;
