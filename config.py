"""This machine's settings: edit the values, keep the names.

    python3 config.py              what is in force: these values, config/config.yaml, environment
    python3 config.py --changed    only what differs from the defaults
    python3 config.py --check      validate; exit code 78 when something is wrong

greencam reads this file without executing it: values are literals, arithmetic and constants from above.
A line that is removed means the default. Every key is explained in docs/guide/configuration.md;
the cameras of this site are in config/config.yaml.
"""

# --- Redis -------------------------------------------------------------------------------------------------
# Empty host = greencam starts its own Redis on this machine, so that it streams with nothing installed.
# For a Redis on another machine put its address here; "169.254.0.1" is the one of the direct link.
REDIS_HOST = ""
REDIS_PORT = 6379
REDIS_DB = 0
REDIS_TIMEOUT = 5  # seconds to connect and to get an answer
REDIS_HEALTH_CHECK_INTERVAL = 5  # seconds of silence before a connection is tested; 0 = never
REDIS_URL = ""  # redis://, rediss:// (TLS), unix:///path, redis+sentinel://, redis+cluster://; wins over REDIS_HOST
REDIS_USERNAME = ""
REDIS_PASSWORD = ""  # better in the environment: GREENCAM_REDIS_PASSWORD
REDIS_ROLE_PASSWORDS = {  # Redis users of greencam's roles, docs/guide/redis.md; better in the environment too
    "camera": "",
    "consumer": "",
    "viewer": "",
    "api": "",
}

# --- Camera: what a camera gets that config/config.yaml says nothing else about ------------------------------
CAMERA_SOURCE = "auto"  # auto, pattern, picamera2, /dev/video0, file:clip.mp4, rtsp://…
CAMERA_WIDTH = 1270  # pixels
CAMERA_HEIGHT = 720  # pixels
CAMERA_FORMAT = "RGB888"  # picamera2's name; B, G, R in memory
EXPOSURE_TIME = 250  # microseconds; 0 = automatic
ANALOGUE_GAIN = 3.0  # factor; 0 = automatic
FRAME_RATE = 100  # frames per second; 0 = as fast as they come
JPEG_QUALITY = 85  # 1 to 100

# --- Monitoring ----------------------------------------------------------------------------------------------
HEALTH_CHECK_INTERVAL = 60  # seconds
PERFORMANCE_LOG_INTERVAL = 300  # seconds
CONNECTION_CHECK_INTERVAL = 30  # seconds
SLOW_CALL_S = 1.0  # seconds from which on an operation is reported as slow; 0 = never
METRICS_TEXTFILE = ""  # a *.prom file for Prometheus' node_exporter, docs/guide/metrics.md; empty = none
METRICS_INTERVAL = 15  # seconds between two writings of it

# --- Logs ------------------------------------------------------------------------------------------------------
LOG_LEVEL = "INFO"  # DEBUG, INFO, WARNING, ERROR, CRITICAL
LOG_ROTATION_SIZE = 50 * 1024 * 1024  # 50 MB
ERROR_LOG_ROTATION_SIZE = 10 * 1024 * 1024  # 10 MB
LOG_BACKUP_COUNT = 5  # old files kept of each log
PERFORMANCE_LOG_DAYS = 14  # old days kept of performance.log
LOG_FOLDER_MAX_MB = 500  # megabytes of all logs together; the oldest rotated files go first
LOG_LEVELS = {}  # other levels by logger: {"bus": "DEBUG"}
LOG_JSON = False  # True: logs/camera_system.jsonl too, for programs

# --- Memory ------------------------------------------------------------------------------------------------------
RING_SECONDS = 0.2  # seconds of pictures in shared memory, per camera
RING_MAX_MB = 48  # megabytes, upper bound of the same
STREAM_MAX_MB = 16  # megabytes of JPEG kept in Redis, per camera, for live readers and as much for durable ones
SPOOL_MAX_MB = 128  # megabytes of accepted frames that wait for durable consumers, per camera, in shared memory
SPOOL_FSYNC_MS = 0  # milliseconds between copies of the spool to disk, for power cuts; 0 = memory only
PROCESS_MAX_MB = 512  # megabytes of memory of its own that a process may take before it is replaced; 0 = no limit
PROCESS_MAX_FILES = 768  # files that a process may have open before it is replaced; 0 = no limit

# --- Images and folders (relative to this file) ---------------------------------------------------------------
IMAGES_DIR = "images"
IMAGE_EVERY_S = 1.0  # seconds between stored images; 0 = every frame
IMAGES_MAX_MB = 1024  # megabytes; the oldest images go first
LOGS_DIR = "logs"
DATA_DIR = "data"
RUNTIME_DIR = ""  # empty = a folder in memory, one per checkout
REBOOT_CONTROL_DIR = "/run/greencam/control"  # where the reboot helper looks, if installed; empty = never ask

# --- Camera recovery ---------------------------------------------------------------------------------------------
CAMERA_RECOVERY_SETTINGS = {
    "max_consecutive_failures": 3,  # failures before recovery starts
    "max_recovery_attempts": 5,  # attempts before a reboot is considered
    "frame_timeout": 5.0,  # seconds to wait for a frame
    "recovery_cooldown": 30,  # seconds between attempts
    "system_reboot_threshold": 10,  # failures before a reboot is considered
}

# --- Camera health: lowest score of each word, out of 100 -----------------------------------------------------
CAMERA_HEALTH_THRESHOLDS = {
    "excellent_score": 90,
    "good_score": 70,
    "warning_score": 30,
    "critical_score": 0,
}

# --- API server --------------------------------------------------------------------------------------------------
API_SERVER_CONFIG = {
    "host": "0.0.0.0",  # noqa: S104 - every address of this machine; "127.0.0.1" = only itself
    "port": 5000,
    "debug": False,
    "threaded": True,
    "health_collection_interval": 30,  # seconds
    "max_health_history": 1000,  # entries
    "max_alert_history": 500,  # entries
}

# --- Safeguards: percent, degrees Celsius, failures in a row ------------------------------------------------------
SAFEGUARD_THRESHOLDS = {
    "cpu_critical": 95,
    "cpu_warning": 85,
    "memory_critical": 95,
    "memory_warning": 90,
    "disk_critical": 95,
    "disk_warning": 90,
    "temperature_critical": 80,
    "temperature_warning": 70,
    "camera_failures_critical": 10,
    "camera_failures_warning": 5,
    "process_restart_threshold": 3,  # restarts
    "emergency_cleanup_interval": 3600,  # seconds
}

if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))
    from greencam.handle import enter_venv

    enter_venv()
    from greencam.apps.config import main

    raise SystemExit(main())
