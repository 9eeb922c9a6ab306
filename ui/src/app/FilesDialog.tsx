/** Opens traces of files, from any page. */

import { Dialog } from "@/parts/Dialog";
import { UploadTraces } from "@/parts/UploadTraces";

export function FilesDialog({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="Traces from files" wide onClose={onClose}>
      <UploadTraces onOpen={onClose} />
    </Dialog>
  );
}
