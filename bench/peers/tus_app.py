"""tuspyserver as its own documentation mounts it."""

import os

from fastapi import FastAPI
from tuspyserver import create_tus_router

app = FastAPI()
app.include_router(create_tus_router(files_dir=os.environ["FOLDER"], max_size=2**40, days_to_keep=1))
