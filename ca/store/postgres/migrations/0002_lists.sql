-- serves: 1
-- Lists of what few certificates of a large lab are: revoked, of a product, about to expire; large documents.

CREATE INDEX statuses_revoked ON statuses (number) WHERE revoked;
CREATE INDEX certificates_product ON certificates (split_part(profile, '/', 1), number);
CREATE INDEX certificates_not_after ON certificates (not_after);
ALTER TABLE documents ALTER COLUMN value SET STORAGE EXTERNAL; -- CRLs are among them, and are written often
