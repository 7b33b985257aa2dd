# CPU (the default):  docker build -t tf_facegan .
# GPU:                docker build -t tf_facegan:gpu --build-arg BASE=nvidia/cuda:12.2.2-cudnn8-runtime-ubuntu22.04 .
#                     docker run --gpus all … tf_facegan:gpu …
# Data, results and the page:
#   docker run --rm -v $PWD/data:/app/data -v $PWD/results:/app/results tf_facegan train.py --preset demo --dataset data/faces
#   docker run --rm -p 127.0.0.1:7860:7860 -v $PWD/results:/app/results tf_facegan -m tf_facegan.demo --host 0.0.0.0
ARG BASE=ubuntu:22.04
FROM ${BASE}

# Python 3.10 on this base; a compiler for menpo3d only; libGL and glib for OpenCV and VTK.
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        python3 python3-venv python3-dev build-essential libgl1 libglib2.0-0 libxrender1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
COPY setup.py pyproject.toml README.md LICENSE ./
COPY tf_facegan tf_facegan
# menpo3d last: its rasteriser works only if numpy is there before it is built, and Cython is not.
RUN pip install --no-cache-dir "numpy==1.26.*" "setuptools<81" wheel \
    && pip install --no-cache-dir ".[demo,export,landmarks,ranking,lsun]" \
    && (pip uninstall -y cython || true) \
    && pip install --no-cache-dir --no-build-isolation --no-deps "menpo3d==0.8.6" \
    && pip install --no-cache-dir vtk \
    && python -m tf_facegan.uv.check
COPY configs.py train.py dataset_tool.py ./

RUN useradd --create-home user && mkdir -p data results && chown -R user /app
USER user
EXPOSE 7860
ENTRYPOINT ["python"]
CMD ["train.py", "-h"]
